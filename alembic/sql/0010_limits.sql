-- What operators set for queues, users and groups, and where each event that made it so stands in the history.
-- `user_id` and `name` of '*' are what holds for everybody who has no limit of their own.
CREATE TABLE jobledger.limits (
    kind text NOT NULL,
    user_id text NOT NULL,
    name text NOT NULL,
    version integer NOT NULL,
    is_paused boolean NOT NULL,
    concurrency integer,
    starts integer,
    per_seconds integer,
    burst integer,
    weight integer,
    is_active boolean NOT NULL GENERATED ALWAYS AS (
        is_paused OR concurrency IS NOT NULL OR starts IS NOT NULL OR weight IS NOT NULL) STORED,
    CONSTRAINT limits_pkey PRIMARY KEY (kind, user_id, name),
    CONSTRAINT limits_kind_is_known CHECK (kind IN ('queue', 'user', 'group')),
    CONSTRAINT limits_of_queues_are_pauses CHECK (kind = 'queue' OR NOT is_paused),
    CONSTRAINT limits_are_not_negative CHECK (concurrency >= 0 AND starts > 0 AND per_seconds > 0 AND burst > 0
        AND weight > 0),
    CONSTRAINT limits_rates_are_whole CHECK ((starts IS NULL) = (per_seconds IS NULL)
        AND (starts IS NULL) = (burst IS NULL))
);
CREATE INDEX limits_active_idx ON jobledger.limits (kind) WHERE is_active;

CREATE TABLE jobledger.limit_events (
    kind text NOT NULL,
    user_id text NOT NULL,
    name text NOT NULL,
    version integer NOT NULL,
    stream_id uuid NOT NULL,
    CONSTRAINT limit_events_pkey PRIMARY KEY (kind, user_id, name, version)
);

-- Until when each rate is spent: moved in the statement that lets jobs go, and so never by one that did not.
CREATE TABLE jobledger.limit_rates (
    kind text NOT NULL,
    user_id text NOT NULL,
    name text NOT NULL,
    spent_until timestamptz NOT NULL,
    CONSTRAINT limit_rates_pkey PRIMARY KEY (kind, user_id, name)
) WITH (fillfactor = 70);

-- {queue, user, group}, where anything is limited; NULL, and in no index, where nothing is.
ALTER TABLE jobledger.outbox ADD COLUMN share text[];
CREATE INDEX outbox_share_idx ON jobledger.outbox (is_remote, share, priority, available_at, id)
    WHERE share IS NOT NULL;

-- Which entries go next, in their order; the caller holds the lock that keeps others from choosing meanwhile.
-- How much of a limit is taken is counted in the queue, where a message is an attempt that was let go and has not
-- ended: counted anew each time, it cannot drift. Only shares with room are looked into, and each no further
-- than its room: a million entries at their limit cost one look. A function, because two statements choose.
CREATE FUNCTION jobledger.choose_entries(of_remote boolean, places bigint, aging interval)
RETURNS TABLE (place tid, turn bigint) LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF places <= 0 THEN
        RETURN;
    END IF;
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
    ), mode AS MATERIALIZED (
        SELECT EXISTS (SELECT FROM jobledger.limits AS l WHERE l.is_active AND l.kind <> 'queue') AS is_shared
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
    ), lanes AS MATERIALIZED (
        SELECT s.share, u.of_user, s.share[3] AS of_group, u.number AS of_user_number, u.weight AS of_user_weight,
            u.room AS of_user_room, coalesce(f.number, 0) AS number, coalesce(l.weight, 1) AS weight, least(
            greatest(coalesce(l.concurrency - coalesce(f.number, 0), places), 0),
            greatest(coalesce(floor(l.burst - extract(epoch FROM greatest(r.spent_until, statement_timestamp())
                - statement_timestamp()) * l.starts / l.per_seconds)::bigint, l.burst, places), 0), u.room) AS room
        FROM shares AS s
        JOIN users AS u ON u.of_user = s.share[2] AND u.room > 0
        LEFT JOIN flying AS f ON f.of_user = s.share[2] AND f.of_group = s.share[3]
        LEFT JOIN LATERAL (
            SELECT * FROM jobledger.limits AS o
            WHERE o.is_active AND o.kind = 'group' AND s.share[3] <> ''
                AND (o.user_id = s.share[2] AND o.name IN (s.share[3], '*') OR o.user_id = '*' AND o.name = '*')
            ORDER BY o.user_id = '*', o.name = '*' LIMIT 1
        ) AS l ON true
        LEFT JOIN jobledger.limit_rates AS r ON l.starts IS NOT NULL AND r.kind = 'group'
            AND r.user_id = s.share[2] AND r.name = s.share[3]
        WHERE NOT EXISTS (
            SELECT FROM jobledger.limits AS q WHERE q.kind = 'queue' AND q.name = s.share[1] AND q.is_paused)
    ), waiting AS (
        SELECT l.*, e.place AS entry, e.due, e.id, row_number() OVER (
            PARTITION BY l.of_user, l.of_group ORDER BY e.due, e.id) AS in_group
        FROM lanes AS l
        CROSS JOIN LATERAL (
            SELECT o.ctid AS place, o.id, o.available_at - o.priority * aging AS due
            FROM generate_series(0, 9) AS p (priority)
            CROSS JOIN LATERAL (
                SELECT x.ctid, x.id, x.available_at, x.priority FROM jobledger.outbox AS x
                WHERE x.is_remote = of_remote AND x.share = l.share AND x.priority = p.priority
                    AND x.available_at <= statement_timestamp()
                ORDER BY x.available_at, x.id
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

GRANT ALL ON jobledger.limits, jobledger.limit_events, jobledger.limit_rates TO jobledger_owner;
GRANT SELECT, INSERT, UPDATE ON jobledger.limits, jobledger.limit_rates TO jobledger_service;
GRANT SELECT, INSERT ON jobledger.limit_events TO jobledger_service;
GRANT SELECT ON jobledger.limits, jobledger.limit_events, jobledger.limit_rates TO jobledger_auditor;

DO $$
DECLARE
    place text;
BEGIN
    FOREACH place IN ARRAY ARRAY['limits', 'limit_events', 'limit_rates'] LOOP
        EXECUTE format('ALTER TABLE jobledger.%I ENABLE ROW LEVEL SECURITY', place);
        EXECUTE format('CREATE POLICY jobledger_service_all ON jobledger.%I TO jobledger_service, '
            'jobledger_owner USING (true) WITH CHECK (true)', place);
        EXECUTE format('CREATE POLICY jobledger_auditor_reads ON jobledger.%I FOR SELECT TO '
            'jobledger_auditor USING (true)', place);
    END LOOP;
END
$$;
