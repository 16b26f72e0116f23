-- Held until the surrounding transaction ends, so that what is decided on it still holds at commit.
SELECT * FROM jobledger.jobs WHERE id = %(job_id)s::uuid FOR NO KEY UPDATE
