-- The schedule, its event and the event's place in one statement: all or none. Gated by the version, so that of two
-- who act on the same version one loses; version 1 is an insertion, and any other finds its row.
WITH kept AS (
    INSERT INTO jobledger.schedules AS s (id, user_id, cron, time_zone, missed_runs, overlap, template, created_at,
        version, next_at, last_job_id, is_paused, is_removed)
    VALUES (%(id)s::uuid, %(user_id)s, %(cron)s, %(time_zone)s, %(missed_runs)s, %(overlap)s, %(template)s::json,
        %(created_at)s, %(version)s, %(next_at)s, %(last_job_id)s::uuid, %(is_paused)s, %(is_removed)s)
    ON CONFLICT (id) DO UPDATE SET cron = excluded.cron, time_zone = excluded.time_zone,
        missed_runs = excluded.missed_runs, overlap = excluded.overlap, template = excluded.template,
        version = excluded.version, next_at = excluded.next_at, last_job_id = excluded.last_job_id,
        is_paused = excluded.is_paused, is_removed = excluded.is_removed
    WHERE s.version = excluded.version - 1
    RETURNING id, version
), placed AS (
    INSERT INTO jobledger.schedule_events (schedule_id, version, stream_id)
    SELECT id, version, %(stream_id)s::uuid FROM kept
), recorded AS (
    INSERT INTO jobledger.job_events (recorded_at, job_id, command_id, version, schema_version, type, actor_kind,
        actor_id, request_id, traceparent, code_version, facts, payload, salt, commitment)
    SELECT statement_timestamp(), %(stream_id)s::uuid, %(command_id)s::uuid, 1, %(schema_version)s, %(type)s,
        %(actor_kind)s, %(actor_id)s, %(request_id)s, %(traceparent)s, %(code_version)s, %(facts)s::json,
        %(payload)s::json, %(salt)s, %(commitment)s
    FROM kept
)
SELECT version FROM kept
