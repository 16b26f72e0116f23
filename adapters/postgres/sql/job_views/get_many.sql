-- By primary key.
SELECT * FROM jobledger.jobs WHERE id = ANY (%(job_ids)s::uuid[])
