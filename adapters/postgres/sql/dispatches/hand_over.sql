-- As relay.sql for what runs on remote compute: one message a job, invisible until its call had time to claim
-- it. What is handed over and not claimed yet is bounded, because the queue there knows no priority, forgets, and
-- may be slow; take_turn.sql, a statement before, keeps two dispatchers from counting the same places. Parameters stay
-- in the jobs' rows. Nothing goes where something was limited since. `only` is one job, for a call that was made past
-- this queue.
WITH room AS MATERIALIZED (
    SELECT CASE WHEN EXISTS (SELECT FROM jobledger.limits WHERE is_active) THEN 0
        WHEN %(only)s::uuid IS NOT NULL THEN 1
        ELSE least(%(limit)s::bigint, %(max_unclaimed)s - (
            SELECT count(*) FROM pgmq.q_job_queue WHERE headers ? 'compute' AND read_ct = 0
        )) END AS places
), due AS MATERIALIZED (
    SELECT entry.place
    FROM (
        SELECT level.priority FROM generate_series(9, 0, -1) AS level (priority)
        CROSS JOIN LATERAL (
            SELECT o.available_at FROM jobledger.outbox AS o
            WHERE o.is_remote AND o.priority = level.priority AND o.available_at <= statement_timestamp()
            ORDER BY o.available_at, o.id LIMIT 1
        ) AS head
        ORDER BY head.available_at - level.priority * %(aging)s::interval, level.priority DESC
    ) AS p
    CROSS JOIN LATERAL (
        SELECT o.ctid AS place
        FROM jobledger.outbox AS o
        WHERE o.is_remote AND o.priority = p.priority AND o.available_at <= statement_timestamp()
            AND (%(only)s::uuid IS NULL OR o.job_id = %(only)s)
        ORDER BY o.available_at, o.id
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    ) AS entry
    LIMIT (SELECT greatest(places, 0) FROM room)
), moved AS (
    DELETE FROM jobledger.outbox WHERE ctid = ANY (ARRAY(SELECT place FROM due))
    RETURNING id, job_id, priority, available_at
), sent AS (
    INSERT INTO pgmq.q_job_queue (vt, message, headers)
    SELECT clock_timestamp() + make_interval(secs => %(claim_seconds)s),
        jsonb_build_object('job_id', m.job_id, 'job_type', j.job_type, 'user_id', j.user_id,
            'group_key', j.details ->> 'group_key', 'version', j.version, 'job_parameters', NULL),
        jsonb_build_object('compute', %(compute)s::text)
    FROM moved AS m
    JOIN jobledger.jobs AS j ON j.id = m.job_id
    ORDER BY m.available_at - m.priority * %(aging)s::interval, m.id
    RETURNING msg_id, read_ct, message
)
SELECT s.msg_id, s.read_ct, s.message::text AS body, j.id AS job_id, j.*
FROM sent AS s
JOIN jobledger.jobs AS j ON j.id = (s.message ->> 'job_id')::uuid
ORDER BY s.msg_id
