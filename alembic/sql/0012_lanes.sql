-- The shares of a part of the outbox that have entries, with how much of each limit is taken and how much room that
-- leaves. A function, because choosing asks it, and so do those who look after the service.
CREATE FUNCTION jobledger.lanes(of_remote boolean, places bigint)
RETURNS TABLE (share text[], is_paused boolean, of_user_number bigint, of_user_weight integer, of_user_room bigint,
    number bigint, weight integer, room bigint) LANGUAGE plpgsql STABLE ROWS 100 AS $$
BEGIN
    RETURN QUERY
    WITH RECURSIVE shares AS (
        (SELECT o.share FROM jobledger.outbox AS o WHERE o.is_remote = of_remote AND o.share IS NOT NULL
            ORDER BY o.share LIMIT 1)
        UNION ALL
        SELECT (SELECT o.share FROM jobledger.outbox AS o WHERE o.is_remote = of_remote AND o.share > s.share
            ORDER BY o.share LIMIT 1)
        FROM shares AS s WHERE s.share IS NOT NULL
    ), flying AS MATERIALIZED (
        SELECT q.message ->> 'user_id' AS of_user, coalesce(q.message ->> 'group_key', '') AS of_group,
            count(*) AS number
        FROM pgmq.q_job_queue AS q
        GROUP BY 1, 2
    ), users AS MATERIALIZED (
        SELECT u.of_user, f.number, coalesce(l.weight, 1) AS weight, least(
            greatest(coalesce(l.concurrency - f.number, places), 0),
            greatest(coalesce(floor(l.burst - extract(epoch FROM greatest(r.spent_until, statement_timestamp())
                - statement_timestamp()) * l.starts / l.per_seconds)::bigint, l.burst, places), 0), places) AS room
        FROM (SELECT DISTINCT s.share[2] AS of_user FROM shares AS s WHERE s.share IS NOT NULL) AS u
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(flying.number), 0)::bigint AS number FROM flying WHERE flying.of_user = u.of_user
        ) AS f
        LEFT JOIN LATERAL (
            SELECT * FROM jobledger.limits AS o
            WHERE o.is_active AND o.kind = 'user' AND o.user_id IN (u.of_user, '*')
            ORDER BY o.user_id = '*' LIMIT 1
        ) AS l ON true
        LEFT JOIN jobledger.limit_rates AS r
            ON l.starts IS NOT NULL AND r.kind = 'user' AND r.user_id = u.of_user AND r.name = ''
    )
    SELECT s.share, EXISTS (
            SELECT FROM jobledger.limits AS q WHERE q.kind = 'queue' AND q.name = s.share[1] AND q.is_paused),
        u.number, u.weight, u.room, coalesce(f.number, 0), coalesce(l.weight, 1), least(
        greatest(coalesce(l.concurrency - coalesce(f.number, 0), places), 0),
        greatest(coalesce(floor(l.burst - extract(epoch FROM greatest(r.spent_until, statement_timestamp())
            - statement_timestamp()) * l.starts / l.per_seconds)::bigint, l.burst, places), 0), u.room) AS room
    FROM shares AS s
    JOIN users AS u ON u.of_user = s.share[2]
    LEFT JOIN flying AS f ON f.of_user = s.share[2] AND f.of_group = s.share[3]
    LEFT JOIN LATERAL (
        SELECT * FROM jobledger.limits AS o
        WHERE o.is_active AND o.kind = 'group' AND s.share[3] <> ''
            AND (o.user_id = s.share[2] AND o.name IN (s.share[3], '*') OR o.user_id = '*' AND o.name = '*')
        ORDER BY o.user_id = '*', o.name = '*' LIMIT 1
    ) AS l ON true
    LEFT JOIN jobledger.limit_rates AS r ON l.starts IS NOT NULL AND r.kind = 'group'
        AND r.user_id = s.share[2] AND r.name = s.share[3];
END
$$;

-- As before, but entries are read in the order of the whole index: for a role under row level security an equality of
-- arrays, which might leak, does not count towards an order, and all of a share would be sorted for its first entry.
CREATE OR REPLACE FUNCTION jobledger.choose_entries(of_remote boolean, places bigint, aging interval)
RETURNS TABLE (place tid, turn bigint) LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF places <= 0 THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH mode AS MATERIALIZED (
        SELECT EXISTS (SELECT FROM jobledger.limits AS l WHERE l.is_active AND l.kind <> 'queue') AS is_shared
    ), lanes AS MATERIALIZED (
        SELECT * FROM jobledger.lanes(of_remote, places) AS l WHERE NOT l.is_paused AND l.room > 0
    ), waiting AS (
        SELECT l.*, l.share[2] AS of_user, e.place AS entry, e.due, e.id, row_number() OVER (
            PARTITION BY l.share[2], l.share[3] ORDER BY e.due, e.id) AS in_group
        FROM lanes AS l
        CROSS JOIN LATERAL (
            SELECT o.ctid AS place, o.id, o.available_at - o.priority * aging AS due
            FROM generate_series(0, 9) AS p (priority)
            CROSS JOIN LATERAL (
                SELECT x.ctid, x.id, x.available_at, x.priority FROM jobledger.outbox AS x
                WHERE x.is_remote = of_remote AND x.share = l.share AND x.priority = p.priority
                    AND x.available_at <= statement_timestamp()
                ORDER BY x.is_remote, x.share, x.priority, x.available_at, x.id
                LIMIT l.room
            ) AS o
            ORDER BY 3, 2
            LIMIT l.room
        ) AS e
        WHERE l.room > 0
    ), of_users AS (
        SELECT w.*, row_number() OVER (PARTITION BY w.of_user ORDER BY
            CASE WHEN is_shared THEN (w.number + w.in_group - 1)::double precision / w.weight END, w.due, w.id) AS in_user
        FROM waiting AS w CROSS JOIN mode
        WHERE w.in_group <= w.room
    )
    SELECT o.entry, row_number() OVER (ORDER BY CASE WHEN is_shared
        THEN (o.of_user_number + o.in_user - 1)::double precision / o.of_user_weight END, o.due, o.id) AS nth
    FROM of_users AS o CROSS JOIN mode
    WHERE o.in_user <= o.of_user_room
    ORDER BY nth
    LIMIT places;
END
$$;
