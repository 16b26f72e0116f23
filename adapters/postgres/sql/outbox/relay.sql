-- Out of the outbox and into the queue in one statement: atomic, so exactly once. LATERAL over the ten
-- priorities, because one ordered scan over all would walk through every future row of the higher ones; that of
-- the oldest head goes first, each priority counting as `aging` more of age. Where anything is limited, nothing
-- moves here: relay_fairly.sql chooses. The
-- queue holds back by its visible rows only: messages under way are rows too and must not starve it.
-- `only` is one entry by its id, for when a batch could not be sent. statement_timestamp(), because an index cannot be searched by the volatile clock_timestamp().
WITH room AS MATERIALIZED (
    SELECT CASE WHEN EXISTS (SELECT FROM jobledger.limits WHERE is_active) THEN 0
        ELSE least(%(limit)s::bigint, %(max_visible)s - count(*)) END AS places
    FROM (
        SELECT FROM pgmq.q_job_queue
        WHERE vt <= statement_timestamp() AND (headers IS NULL OR NOT headers ?| '{compute,chances_left}')
        LIMIT %(max_visible)s
    ) AS visible
), due AS MATERIALIZED (
    SELECT entry.place
    FROM (
        SELECT level.priority FROM generate_series(9, 0, -1) AS level (priority)
        CROSS JOIN LATERAL (
            SELECT o.available_at FROM jobledger.outbox AS o
            WHERE NOT o.is_remote AND o.priority = level.priority AND o.available_at <= statement_timestamp()
            ORDER BY o.available_at, o.id LIMIT 1
        ) AS head
        ORDER BY head.available_at - level.priority * %(aging)s::interval, level.priority DESC
    ) AS p
    CROSS JOIN LATERAL (
        SELECT o.ctid AS place
        FROM jobledger.outbox AS o
        WHERE NOT o.is_remote AND o.priority = p.priority AND o.available_at <= statement_timestamp()
            AND (%(only)s::bigint IS NULL OR o.id = %(only)s)
        ORDER BY o.available_at, o.id
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    ) AS entry
    LIMIT (SELECT greatest(places, 0) FROM room)
), moved AS (
    DELETE FROM jobledger.outbox WHERE ctid = ANY (ARRAY(SELECT place FROM due))
    RETURNING id, job_id, priority, available_at
), batch AS (
    SELECT count(*) AS size, array_agg(
        jsonb_build_object('job_id', m.job_id, 'job_type', j.job_type, 'user_id', j.user_id,
            'group_key', j.details ->> 'group_key', 'version', j.version, 'job_parameters',
            CASE WHEN octet_length(j.job_parameters::text) <= 4096 THEN j.job_parameters END)
        ORDER BY m.available_at - m.priority * %(aging)s::interval, m.id) AS messages
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
    CASE WHEN %(names_entries)s THEN (SELECT array_agg(available_at ORDER BY id) FROM moved) END AS due_at
FROM sent
