-- For the one job that is longer than a page.
SELECT job_id::text, version, type, schema_version, recorded_at, traceparent, facts::text, payload::text
FROM jobledger.job_events
WHERE job_id = %(job_id)s::uuid AND version > %(version)s
ORDER BY version
