-- As hand_over.sql where something is limited or paused: whose turn it is, choose_entries says, in turn with relays.
WITH room AS MATERIALIZED (
    SELECT least(%(limit)s::bigint, %(max_unclaimed)s - (
        SELECT count(*) FROM pgmq.q_job_queue WHERE headers ? 'compute' AND read_ct = 0
    )) AS places
), due AS MATERIALIZED (
    SELECT c.place, c.turn
    FROM room CROSS JOIN LATERAL jobledger.choose_entries(true, room.places, %(aging)s::interval) AS c
), moved AS (
    DELETE FROM jobledger.outbox AS o USING due
    WHERE o.ctid = ANY (ARRAY(SELECT place FROM due)) AND o.ctid = due.place
    RETURNING o.job_id, o.share, due.turn
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
), sent AS (
    INSERT INTO pgmq.q_job_queue (vt, message, headers)
    SELECT clock_timestamp() + make_interval(secs => %(claim_seconds)s),
        jsonb_build_object('job_id', m.job_id, 'job_type', j.job_type, 'user_id', j.user_id,
            'group_key', j.details ->> 'group_key', 'version', j.version, 'job_parameters', NULL),
        jsonb_build_object('compute', %(compute)s::text)
    FROM moved AS m
    JOIN jobledger.jobs AS j ON j.id = m.job_id
    ORDER BY m.turn
    RETURNING msg_id, read_ct, message
)
SELECT s.msg_id, s.read_ct, s.message::text AS body, j.id AS job_id, j.*
FROM sent AS s
JOIN jobledger.jobs AS j ON j.id = (s.message ->> 'job_id')::uuid
ORDER BY s.msg_id
