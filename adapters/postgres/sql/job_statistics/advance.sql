-- What this snapshot sees and the last one did not: commits become visible out of the order of their ids, so no
-- id can be a cursor. A backlog is cut at a transaction below which all have ended. What an event leads from is
-- looked up in its stream, not in what was counted so far, so that sums come out right in any order.
WITH last AS MATERIALIZED (
    SELECT %(seen)s::pg_snapshot AS seen, pg_snapshot_xmax(%(seen)s::pg_snapshot) AS ahead
), cut AS MATERIALIZED (
    SELECT ((xid::text::bigint + 1)::text)::xid8 AS at FROM jobledger.job_events
    WHERE xid >= (SELECT ahead FROM last)
    ORDER BY xid OFFSET %(limit)s LIMIT 1
), upto AS MATERIALIZED (
    SELECT CASE WHEN (SELECT at FROM cut) <= pg_snapshot_xmin(pg_current_snapshot())
        THEN ((SELECT at FROM cut)::text || ':' || (SELECT at FROM cut)::text || ':')::pg_snapshot
        ELSE pg_current_snapshot() END AS seen
), new AS MATERIALIZED (
    SELECT job_id, version, type, recorded_at, actor_kind, actor_id, facts FROM jobledger.job_events
    WHERE xid >= (SELECT ahead FROM last) AND xid < (SELECT pg_snapshot_xmax(seen) FROM upto)
        AND pg_visible_in_snapshot(xid, (SELECT seen FROM upto))
    UNION ALL
    SELECT job_id, version, type, recorded_at, actor_kind, actor_id, facts FROM jobledger.job_events
    WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(seen) FROM last))
        AND pg_visible_in_snapshot(xid, (SELECT seen FROM upto))
), leads AS MATERIALIZED (
    SELECT * FROM unnest(%(types)s::text[], %(statuses)s::text[]) AS t (type, status)
), steps AS MATERIALIZED (
    SELECT n.type, date_trunc('minute', n.recorded_at, 'UTC') AS minute, first.facts->>'user_id' AS user_id,
        first.facts->>'job_type' AS job_type, before.status AS before,
        CASE WHEN n.type <> 'JobSubmitted' THEN leads.status
            WHEN n.facts->>'run_at' IS NULL THEN 'pending' ELSE 'scheduled' END AS after,
        CASE WHEN (n.type = 'AttemptStarted') <> (before.type = 'AttemptStarted') THEN least(%(last_bucket)s,
            ceil(%(per_doubling)s * ln(greatest(1.0,
                extract(epoch FROM n.recorded_at - before.due_at)::float8 * 1000)) / ln(2.0::float8)))::smallint
            ELSE -1 END AS bucket
    FROM new AS n
    LEFT JOIN leads ON leads.type = n.type
    CROSS JOIN LATERAL (
        SELECT facts FROM jobledger.job_events WHERE job_id = n.job_id AND version = 1 LIMIT 1
    ) AS first
    LEFT JOIN LATERAL (
        SELECT p.type, CASE WHEN p.type <> 'JobSubmitted' THEN l.status
                WHEN p.facts->>'run_at' IS NULL THEN 'pending' ELSE 'scheduled' END AS status,
            greatest(p.recorded_at, (p.facts->>'run_at')::timestamptz, (p.facts->>'retry_at')::timestamptz) AS due_at
        FROM jobledger.job_events AS p LEFT JOIN leads AS l ON l.type = p.type
        WHERE p.job_id = n.job_id AND p.version < n.version AND (p.type = 'JobSubmitted' OR l.type IS NOT NULL)
        ORDER BY p.version DESC LIMIT 1
    ) AS before ON true
    WHERE n.type = 'JobSubmitted' OR leads.type IS NOT NULL
), counted AS (
    INSERT INTO jobledger.job_counts AS c (user_id, job_type, status, jobs)
    SELECT who.user_id, s.job_type, change.status, sum(change.jobs)
    FROM steps AS s
    CROSS JOIN LATERAL (VALUES (s.user_id), ('')) AS who (user_id)
    CROSS JOIN LATERAL (VALUES (s.before, -1), (s.after, 1)) AS change (status, jobs)
    WHERE change.status IS NOT NULL
    GROUP BY 1, 2, 3
    HAVING sum(change.jobs) <> 0
    ON CONFLICT (user_id, job_type, status) DO UPDATE SET jobs = c.jobs + excluded.jobs
), rated AS (
    INSERT INTO jobledger.job_rates AS r (minute, user_id, job_type, event_type, bucket, events)
    SELECT s.minute, who.user_id, s.job_type, s.type, s.bucket, count(*)
    FROM steps AS s
    CROSS JOIN LATERAL (VALUES (s.user_id), ('')) AS who (user_id)
    WHERE s.minute > now() - interval '7 days'
    GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (minute, user_id, job_type, event_type, bucket) DO UPDATE SET events = r.events + excluded.events
), swept AS (
    INSERT INTO jobledger.recovery_sweeps (stream_id, swept_at, actor_kind, actor_id, facts)
    SELECT job_id, recorded_at, actor_kind, actor_id, facts FROM new WHERE type = 'RecoverySwept'
    ON CONFLICT DO NOTHING
), moved AS (
    UPDATE jobledger.statistics_cursor SET seen = (SELECT seen FROM upto) WHERE EXISTS (SELECT FROM new)
), forgotten AS (
    DELETE FROM jobledger.job_rates WHERE minute <= now() - interval '7 days'
)
SELECT count(*)::integer AS events FROM new
