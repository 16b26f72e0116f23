-- One INSERT into jobs decides who holds a key; all else follows it. Only rows that carry a key can lose, so
-- only they are looked up again: joining all of them back would cost as much as the writing. Sorted by key,
-- so that two flushes that share keys wait for each other in one order.
WITH input AS MATERIALIZED (
    SELECT * FROM unnest(
        %(job_id)s::uuid[], %(run_at)s::timestamptz[], %(due_at)s::timestamptz[], %(priority)s::smallint[],
        %(user_id)s::text[], %(job_type)s::text[], %(idempotency_key)s::text[], %(fingerprint)s::text[],
        %(held_unique_key)s::text[], %(tags)s::text[], %(job_parameters)s::text[], %(status)s::text[],
        %(details)s::text[], %(command_id)s::uuid[], %(schema_version)s::smallint[], %(actor_kind)s::text[],
        %(actor_id)s::text[], %(request_id)s::text[], %(traceparent)s::text[], %(facts)s::text[],
        %(payload)s::text[], %(salt)s::text[], %(commitment)s::text[]
    ) AS t (job_id, run_at, due_at, priority, user_id, job_type, idempotency_key, fingerprint, held_unique_key,
        tags, job_parameters, status, details, command_id, schema_version, actor_kind, actor_id, request_id,
        traceparent, facts, payload, salt, commitment)
), accepted AS (
    INSERT INTO jobledger.jobs (id, created_at, run_at, priority, user_id, job_type, idempotency_key,
        fingerprint, tags, traceparent, job_parameters, updated_at, due_at, version, attempt, status,
        is_rare, held_unique_key, details)
    SELECT job_id, statement_timestamp(), run_at, priority, user_id, job_type, idempotency_key, fingerprint,
        tags::text[], traceparent, job_parameters::json, statement_timestamp(),
        CASE due_at WHEN 'infinity' THEN statement_timestamp() ELSE due_at END, 1, 0, status,
        nullif(status = 'scheduled', false), held_unique_key, details::json
    FROM input
    ORDER BY idempotency_key, held_unique_key, job_id
    ON CONFLICT DO NOTHING
    RETURNING id
), recorded AS (
    INSERT INTO jobledger.job_events (recorded_at, job_id, command_id, version, schema_version, type,
        actor_kind, actor_id, request_id, traceparent, code_version, facts, payload, salt, commitment)
    SELECT statement_timestamp(), job_id, command_id, 1, schema_version, 'JobSubmitted', actor_kind, actor_id,
        request_id, traceparent, %(code_version)s, facts::json, payload::json, decode(salt, 'hex'),
        decode(commitment, 'hex')
    FROM input
    WHERE (idempotency_key IS NULL AND held_unique_key IS NULL) OR job_id IN (SELECT id FROM accepted)
    ORDER BY job_id
), queued AS (
    INSERT INTO jobledger.outbox (available_at, job_id, priority, is_remote, share)
    SELECT CASE due_at WHEN 'infinity' THEN statement_timestamp() ELSE due_at END, job_id, priority,
        (job_type = ANY (%(routed_apart)s::text[])) <> %(others_are_remote)s::boolean,
        CASE WHEN (SELECT EXISTS (SELECT FROM jobledger.limits WHERE is_active))
            THEN ARRAY[job_type, user_id, coalesce(details::json ->> 'group_key', '')] END
    FROM input
    WHERE (idempotency_key IS NULL AND held_unique_key IS NULL) OR job_id IN (SELECT id FROM accepted)
)
SELECT id AS job_id, statement_timestamp() AS recorded_at FROM accepted
