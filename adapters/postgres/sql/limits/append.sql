-- The limit, its event and the event's place in one statement: all or none. Gated by the version, so that of two
-- who act on the same version one loses; version 1 is an insertion, and any other finds its row.
WITH kept AS (
    INSERT INTO jobledger.limits AS l (kind, user_id, name, version, is_paused, concurrency, starts, per_seconds,
        burst, weight)
    VALUES (%(kind)s, %(user_id)s, %(name)s, %(version)s, %(is_paused)s, %(concurrency)s, %(starts)s,
        %(per_seconds)s, %(burst)s, %(weight)s)
    ON CONFLICT (kind, user_id, name) DO UPDATE SET version = excluded.version, is_paused = excluded.is_paused,
        concurrency = excluded.concurrency, starts = excluded.starts, per_seconds = excluded.per_seconds,
        burst = excluded.burst, weight = excluded.weight
    WHERE l.version = excluded.version - 1
    RETURNING kind, user_id, name, version
), placed AS (
    INSERT INTO jobledger.limit_events (kind, user_id, name, version, stream_id)
    SELECT kind, user_id, name, version, %(stream_id)s::uuid FROM kept
), recorded AS (
    INSERT INTO jobledger.job_events (recorded_at, job_id, command_id, version, schema_version, type, actor_kind,
        actor_id, request_id, traceparent, code_version, facts, payload, salt, commitment)
    SELECT statement_timestamp(), %(stream_id)s::uuid, %(command_id)s::uuid, 1, %(schema_version)s, %(type)s,
        %(actor_kind)s, %(actor_id)s, %(request_id)s, %(traceparent)s, %(code_version)s, %(facts)s::json,
        %(payload)s::json, %(salt)s, %(commitment)s
    FROM kept
)
SELECT version FROM kept
