-- The whole streams of jobs that moved.
SELECT job_id::text, version, type, schema_version, recorded_at, traceparent, facts::text, payload::text
FROM jobledger.job_events
WHERE job_id = ANY (%(job_ids)s::uuid[])
ORDER BY job_id, version
