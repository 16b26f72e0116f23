-- Of another user's job nothing is read but whose it is, so that it takes no longer than one that never was.
SELECT * FROM jobledger.jobs WHERE id = %(job_id)s::uuid AND user_id = %(user_id)s
