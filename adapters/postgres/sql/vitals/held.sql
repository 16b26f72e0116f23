-- Asked only where something is limited or paused. Each share's due entries are counted only so far, in the order of
-- the whole index: what a million held ones cost is what a thousand do. With one place asked for, a lane without room
-- is one whose user or group has none.
SELECT (SELECT count(*)::integer FROM jobledger.limits WHERE is_active AND kind = 'queue') AS paused_queues,
    coalesce(sum(due.number) FILTER (WHERE lane.is_held), 0)::integer AS jobs,
    min(due.oldest_at) FILTER (WHERE lane.is_held) AS oldest_at,
    coalesce(sum(due.number) FILTER (WHERE NOT lane.is_held AND NOT lane.is_remote), 0)::integer AS free,
    min(due.oldest_at) FILTER (WHERE NOT lane.is_held) AS oldest_free_at
FROM (
    SELECT part.is_remote, l.share, l.is_paused OR l.room = 0 AS is_held
    FROM (VALUES (false), (true)) AS part (is_remote)
    CROSS JOIN LATERAL jobledger.lanes(part.is_remote, 1) AS l
) AS lane
CROSS JOIN generate_series(0, 9) AS p (priority)
CROSS JOIN LATERAL (
    SELECT count(*) AS number, min(available_at) AS oldest_at FROM (
        SELECT o.available_at FROM jobledger.outbox AS o
        WHERE o.is_remote = lane.is_remote AND o.share = lane.share AND o.priority = p.priority
            AND o.available_at <= statement_timestamp()
        ORDER BY o.is_remote, o.share, o.priority, o.available_at, o.id LIMIT 1000
    ) AS counted
) AS due
