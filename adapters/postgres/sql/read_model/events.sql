-- Keyset along the primary key. No more of each event than a view is folded of.
SELECT job_id::text, version, type, schema_version, recorded_at, traceparent, facts::text, payload::text
FROM jobledger.job_events
WHERE job_id > %(after)s::uuid AND job_id <= %(through)s::uuid
ORDER BY job_id, version
LIMIT %(limit)s
