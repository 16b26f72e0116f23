-- A page by key, a transaction each: an open snapshot would make the queue many times slower.
SELECT job_id::text, version, type, schema_version,
    to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS recorded_at, actor_kind, actor_id,
    request_id, command_id::text, traceparent, code_version, facts::text AS facts, payload::text AS payload, salt,
    commitment
FROM jobledger.job_events
WHERE job_id >= coalesce(%(after_job)s::uuid, jobledger.first_job_id(%(month)s))
    AND job_id < jobledger.first_job_id((%(month)s::date + interval '1 month')::date)
    AND (job_id, version) > (coalesce(%(after_job)s::uuid, jobledger.first_job_id(%(month)s)), %(after_version)s)
ORDER BY job_id, version
LIMIT %(limit)s
