-- As relay.sql where something is limited or paused. Whose turn it is, choose_entries says; the lock was taken by a
-- statement before, so that this one's snapshot has everything that others let go. What is spent of a rate is
-- written with what spent it. `sends_parameters` is false for a batch that the queue refused.
WITH room AS MATERIALIZED (
    SELECT least(%(limit)s::bigint, %(max_visible)s - count(*)) AS places
    FROM (
        SELECT FROM pgmq.q_job_queue
        WHERE vt <= statement_timestamp() AND (headers IS NULL OR NOT headers ?| '{compute,chances_left}')
        LIMIT %(max_visible)s
    ) AS visible
), due AS MATERIALIZED (
    SELECT c.place, c.turn
    FROM room CROSS JOIN LATERAL jobledger.choose_entries(false, room.places, %(aging)s::interval) AS c
), moved AS (
    DELETE FROM jobledger.outbox AS o USING due
    WHERE o.ctid = ANY (ARRAY(SELECT place FROM due)) AND o.ctid = due.place
    RETURNING o.id, o.job_id, o.available_at, o.share, due.turn
), spent AS (
    INSERT INTO jobledger.limit_rates AS r (kind, user_id, name, spent_until)
    SELECT s.kind, s.user_id, s.name, statement_timestamp() + s.number * l.per_seconds * interval '1 second' / l.starts
    FROM (
        SELECT 'user' AS kind, share[2] AS user_id, '' AS name, count(*) AS number FROM moved GROUP BY 1, 2, 3
        UNION ALL
        SELECT 'group', share[2], share[3], count(*) FROM moved WHERE share[3] <> '' GROUP BY 1, 2, 3
    ) AS s
    CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT * FROM jobledger.limits AS o
            WHERE o.is_active AND o.kind = s.kind AND (o.user_id = s.user_id AND o.name IN (s.name, '*')
                OR o.user_id = '*' AND (s.kind = 'user' OR o.name = '*'))
            ORDER BY o.user_id = '*', o.name = '*' LIMIT 1
        ) AS o
        WHERE o.starts IS NOT NULL
    ) AS l
    ON CONFLICT (kind, user_id, name) DO UPDATE SET spent_until = greatest(r.spent_until, statement_timestamp())
        + (excluded.spent_until - statement_timestamp())
), batch AS (
    SELECT count(*) AS size, array_agg(
        jsonb_build_object('job_id', m.job_id, 'job_type', j.job_type, 'user_id', j.user_id,
            'group_key', j.details ->> 'group_key', 'version', j.version, 'job_parameters', CASE
            WHEN %(sends_parameters)s AND octet_length(j.job_parameters::text) <= 4096 THEN j.job_parameters END)
        ORDER BY m.turn) AS messages
    FROM moved AS m
    LEFT JOIN LATERAL (SELECT * FROM jobledger.jobs WHERE jobs.id = m.job_id LIMIT 1) AS j ON true
), sent AS (
    SELECT count(*) AS size FROM batch CROSS JOIN LATERAL pgmq.send_batch('job_queue', messages) WHERE batch.size > 0
)
SELECT sent.size AS moved, (SELECT places <= 0 FROM room) AS is_held_back,
    EXISTS (SELECT FROM jobledger.limits WHERE is_active) AS is_limited, (
    SELECT min(later.available_at)
    FROM generate_series(0, 9) AS p (priority)
    CROSS JOIN LATERAL (
        SELECT available_at FROM jobledger.outbox AS o
        WHERE NOT o.is_remote AND o.priority = p.priority AND o.available_at > statement_timestamp()
        ORDER BY o.available_at LIMIT 1
    ) AS later
) AS next_due_at, CASE WHEN %(names_entries)s THEN (SELECT array_agg(job_id ORDER BY id) FROM moved) END AS job_ids,
    CASE WHEN %(names_entries)s THEN (SELECT array_agg(available_at ORDER BY id) FROM moved) END AS due_at, EXISTS (
    SELECT FROM generate_series(0, 9) AS p (priority) CROSS JOIN LATERAL (
        SELECT FROM jobledger.outbox AS o
        WHERE NOT o.is_remote AND o.priority = p.priority AND o.available_at <= statement_timestamp()
        ORDER BY o.is_remote, o.priority, o.available_at, o.id LIMIT 1
    ) AS due
) AS has_due
FROM sent
