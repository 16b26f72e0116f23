-- By the primary key, within the one partition that the job's id names.
SELECT * FROM jobledger.job_events
WHERE job_id = %(job_id)s::uuid AND version > %(after_version)s
ORDER BY version
LIMIT %(limit)s
