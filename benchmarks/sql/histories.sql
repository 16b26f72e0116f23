-- Finished jobs with the histories that such jobs have: of twenty, fifteen completed at once, four at the second
-- attempt, one was cancelled before it began. Each statement fills a slice of the past thirty days, as time would
-- have; commitments included, so that they verify like any others.
WITH made AS MATERIALIZED (
    SELECT g, g %% 20 AS kind, at, uuidv7(at - clock_timestamp()) AS id,
        'user-' || g %% %(users)s AS user_id, format('{"result":"%%s"}', repeat('x', 60)) AS parameters
    FROM generate_series(1, %(jobs)s) AS g
    CROSS JOIN LATERAL (SELECT statement_timestamp() - interval '30 days'
        + (%(slice)s + random()) / %(slices)s * interval '30 days' AS at) AS t
), steps (kind, version, type, facts, payload) AS (
    VALUES
    ('all', 1, 'JobSubmitted',
        '{"job_type":"sample_task","max_attempts":5,"max_lost_attempts":5,"priority":0,"user_id":"%%2$s"}',
        '{"job_parameters":%%3$s}'),
    ('all but cancelled', 2, 'AttemptStarted',
        '{"attempt":1,"compute":"local","msg_id":%%1$s,"read_ct":1,"worker_id":"01a20000-0000-7000-8000-000000000000"}',
        NULL),
    ('once', 3, 'JobCompleted', '{"attempt":1}', '{"result":"done"}'),
    ('twice', 3, 'AttemptFailed', '{"attempt":1,"cause":"failed","retry_at":"2026-01-01T00:00:00.000000Z"}',
        '{"error":{"message":"no","retryable":true,"type":"ValueError"}}'),
    ('twice', 4, 'AttemptStarted',
        '{"attempt":2,"compute":"local","msg_id":%%1$s,"read_ct":1,"worker_id":"01a20000-0000-7000-8000-000000000000"}',
        NULL),
    ('twice', 5, 'JobCompleted', '{"attempt":2}', '{"result":"done"}'),
    ('cancelled', 2, 'JobCancelled', '{"attempt":0}', '{"reason":"not needed"}')
), events AS (
    SELECT m.id, m.at + s.version * interval '1 second' AS at, s.version, s.type, m.user_id,
        format(s.facts, m.g, m.user_id) AS facts, format(s.payload, m.g, m.user_id, m.parameters) AS payload,
        CASE WHEN s.payload IS NOT NULL THEN uuid_send(gen_random_uuid()) END AS salt
    FROM made AS m
    JOIN steps AS s ON s.kind = 'all' OR (s.kind = 'all but cancelled' AND m.kind < 19)
        OR s.kind = CASE WHEN m.kind < 15 THEN 'once' WHEN m.kind < 19 THEN 'twice' ELSE 'cancelled' END
), recorded AS (
    INSERT INTO jobledger.job_events (recorded_at, job_id, command_id, version, schema_version, type, actor_kind,
        actor_id, code_version, facts, payload, salt, commitment)
    SELECT at, id, gen_random_uuid(), version, 1, type, CASE WHEN version = 1 THEN 'user' ELSE 'worker' END,
        user_id, 'bench', facts::json, payload::json, salt, sha256(salt || convert_to(payload, 'UTF8'))
    FROM events
    ORDER BY id, version
    RETURNING 1
), projected AS (
    INSERT INTO jobledger.jobs (id, created_at, updated_at, started_at, finished_at, priority, user_id, job_type,
        tags, job_parameters, version, attempt, status, is_rare, outcome,
        details)
    SELECT id, at + interval '1 second', at + last * interval '1 second',
        CASE WHEN kind < 19 THEN at + (last - 1) * interval '1 second' END, at + last * interval '1 second', 0,
        user_id, 'sample_task', '{}', parameters::json, last, attempts,
        CASE WHEN kind < 19 THEN 'completed' ELSE 'cancelled' END, nullif(kind = 19, false),
        CASE WHEN kind < 19 THEN '{"result":"done"}'::json END,
        CASE WHEN kind BETWEEN 15 AND 18 THEN '{"failed_attempts":1,"max_attempts":5,"max_lost_attempts":5}'
            ELSE '{"max_attempts":5,"max_lost_attempts":5}' END::json
    FROM made
    CROSS JOIN LATERAL (SELECT CASE WHEN kind < 15 THEN 3 WHEN kind < 19 THEN 5 ELSE 2 END AS last,
        CASE WHEN kind < 15 THEN 1 WHEN kind < 19 THEN 2 ELSE 0 END AS attempts) AS ended
)
SELECT count(*) FROM recorded
