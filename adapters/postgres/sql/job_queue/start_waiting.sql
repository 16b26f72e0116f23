-- Receive and start in one statement: what decisions.start and project make of a waiting job is little and
-- always the same, and a contract test holds this statement to them. It waits for nobody who waits for it: it
-- holds messages while it asks for jobs that wait, and who settles a job, which asks for its message, holds one
-- that runs. Of a message whose job moved on meanwhile, or must be
-- isolated, only the lease is returned: `taken` reads it. A message that names no job fails the
-- whole statement, which is cheaper than looking at each: `receive` then takes the batch.
WITH due AS MATERIALIZED (
    SELECT ctid AS place FROM pgmq.q_job_queue
    WHERE vt <= statement_timestamp() AND (headers IS NULL OR NOT headers ?| '{compute,chances_left}')
    ORDER BY msg_id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE pgmq.q_job_queue AS q
    SET vt = clock_timestamp() + make_interval(secs => %(lease_seconds)s), read_ct = q.read_ct + 1
    WHERE q.ctid = ANY (ARRAY(SELECT place FROM due))
    RETURNING q.msg_id, q.read_ct, (q.message ->> 'job_id')::uuid AS job_id
), waiting AS MATERIALIZED (
    SELECT j.*, t.msg_id, t.read_ct
    FROM (SELECT DISTINCT ON (job_id) * FROM taken WHERE job_id IS NOT NULL ORDER BY job_id, msg_id) AS t
    CROSS JOIN LATERAL (
        SELECT ctid AS place, id, version, due_at FROM jobledger.jobs
        WHERE id = t.job_id AND status IN ('scheduled', 'pending', 'retrying')
            AND (attempt = 0 OR details ->> 'lost_attempts' IS NULL)
        LIMIT 1
    ) AS j
), started AS (
    UPDATE jobledger.jobs AS j SET
        updated_at = greatest(statement_timestamp(), j.updated_at),
        started_at = greatest(statement_timestamp(), j.updated_at),
        due_at = NULL,
        version = j.version + 1,
        attempt = j.attempt + 1,
        status = 'processing',
        is_rare = NULL,
        lease_worker_id = %(worker_id)s,
        lease_msg_id = w.msg_id,
        lease_read_ct = w.read_ct,
        progress = NULL
    FROM waiting AS w
    WHERE j.ctid = ANY (ARRAY(SELECT place FROM waiting)) AND j.id = w.id AND j.version = w.version
    RETURNING j.*, w.due_at AS was_due_at
), recorded AS (
    INSERT INTO jobledger.job_events (recorded_at, job_id, command_id, version, schema_version, type,
        actor_kind, actor_id, traceparent, code_version, facts)
    SELECT updated_at, id, %(command_id)s, version, %(schema_version)s, 'AttemptStarted', 'worker', %(worker_id)s,
        traceparent, %(code_version)s, (
            '{"attempt":' || attempt || ',"compute":' || %(compute_json)s || ',"msg_id":' || lease_msg_id
            || ',"read_ct":' || lease_read_ct || ',"worker_id":' || %(worker_id_json)s || '}')::json
    FROM started
), withdrawn AS (
    DELETE FROM jobledger.outbox WHERE ctid = ANY (ARRAY(
        SELECT entry.place
        FROM started AS s
        CROSS JOIN LATERAL (
            SELECT o.ctid AS place FROM jobledger.outbox AS o
            WHERE NOT o.is_remote AND o.priority = s.priority AND o.available_at = s.was_due_at AND o.job_id = s.id
            LIMIT 1
        ) AS entry
        WHERE s.version > 2  -- the only entry of a job that was just submitted became this message
    ))
)
SELECT lease_msg_id, lease_read_ct, id, created_at, run_at, priority, user_id, job_type, idempotency_key,
    fingerprint, tags, traceparent, job_parameters, updated_at, version, attempt, outcome, error_info,
    details::text
FROM started
UNION ALL
SELECT msg_id, read_ct, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL
FROM taken
WHERE msg_id NOT IN (SELECT lease_msg_id FROM started)
