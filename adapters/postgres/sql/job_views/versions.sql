-- By primary key, without what may be large.
SELECT id, version FROM jobledger.jobs WHERE id = ANY (%(job_ids)s::uuid[])
