-- What this snapshot sees and the last one did not: commits become visible out of the order of their ids, so no
-- id can be a cursor. A backlog is cut at a transaction below which all have ended. What an event leads from is
-- the one before it in its stream, taken from this batch where it stands there and else looked up, never from what
-- was counted so far: so sums come out right in any order. A busy job costs one look into its stream a batch, at
-- its first event, which tells its user and type and, mostly, what its second one leads from.
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
), told AS (
    SELECT n.job_id, n.version, n.type, n.recorded_at,
        CASE WHEN n.type <> 'JobSubmitted' THEN leads.status
            WHEN n.facts::text NOT LIKE '%%"run_at"%%' THEN 'pending' ELSE 'scheduled' END AS after,
        CASE n.type WHEN 'JobSubmitted' THEN n.facts->>'user_id' END AS user_id,
        CASE n.type WHEN 'JobSubmitted' THEN n.facts->>'job_type' END AS job_type,
        CASE WHEN n.facts::text NOT LIKE '%%_at"%%' THEN n.recorded_at
            ELSE greatest(n.recorded_at, (n.facts->>'run_at')::timestamptz, (n.facts->>'retry_at')::timestamptz)
            END AS due_at
    FROM new AS n LEFT JOIN leads ON leads.type = n.type
    WHERE n.type = 'JobSubmitted' OR leads.type IS NOT NULL
), ordered AS (
    SELECT *, lag(version) OVER stream AS before_version, lag(type) OVER stream AS before_type,
        lag(after) OVER stream AS before, lag(due_at) OVER stream AS before_due_at
    FROM told WINDOW stream AS (PARTITION BY job_id ORDER BY version)
), steps AS (
    SELECT o.job_id, o.version, o.type, o.recorded_at, o.after,
        coalesce(o.user_id, first.facts->>'user_id') AS user_id,
        coalesce(o.job_type, first.facts->>'job_type') AS job_type,
        found.type AS before_type, found.status AS before, found.due_at AS before_due_at
    FROM ordered AS o
    LEFT JOIN LATERAL (
        SELECT recorded_at, facts FROM jobledger.job_events
        WHERE o.before_version IS NULL AND o.version > 1 AND job_id = o.job_id AND version = 1 LIMIT 1
    ) AS first ON true
    LEFT JOIN LATERAL (
        SELECT o.before_type AS type, o.before AS status, o.before_due_at AS due_at
        WHERE o.before_version = o.version - 1
        UNION ALL
        SELECT 'JobSubmitted', CASE WHEN first.facts->>'run_at' IS NULL THEN 'pending' ELSE 'scheduled' END,
            greatest(first.recorded_at, (first.facts->>'run_at')::timestamptz)
        WHERE o.before_version IS NULL AND o.version = 2
        UNION ALL
        (SELECT p.type, CASE WHEN p.type <> 'JobSubmitted' THEN l.status
                WHEN p.facts->>'run_at' IS NULL THEN 'pending' ELSE 'scheduled' END,
            greatest(p.recorded_at, (p.facts->>'run_at')::timestamptz, (p.facts->>'retry_at')::timestamptz)
        FROM jobledger.job_events AS p LEFT JOIN leads AS l ON l.type = p.type
        WHERE o.version > 2 AND o.before_version IS DISTINCT FROM o.version - 1
            AND p.job_id = o.job_id AND p.version < o.version AND (p.type = 'JobSubmitted' OR l.type IS NOT NULL)
        ORDER BY p.version DESC LIMIT 1)
    ) AS found ON true
), sums AS MATERIALIZED (
    SELECT date_trunc('minute', recorded_at, 'UTC') AS minute, user_id, job_type, type, before, after, bucket,
        count(*) AS events
    FROM (
        SELECT recorded_at, type, before, after,
            first_value(user_id) OVER stream AS user_id,
            first_value(job_type) OVER stream AS job_type,
            CASE WHEN (type = 'AttemptStarted') <> (before_type = 'AttemptStarted') THEN least(%(last_bucket)s,
                ceil(%(per_doubling)s * ln(greatest(1.0,
                    extract(epoch FROM recorded_at - before_due_at)::float8 * 1000)) / ln(2.0::float8)))::smallint
                ELSE -1 END AS bucket
        FROM steps WINDOW stream AS (PARTITION BY job_id ORDER BY version)
    ) AS step
    GROUP BY 1, 2, 3, 4, 5, 6, 7
), counted AS (
    INSERT INTO jobledger.job_counts AS c (user_id, job_type, status, jobs)
    SELECT who.user_id, s.job_type, change.status, sum(change.jobs)
    FROM sums AS s
    CROSS JOIN LATERAL (VALUES (s.user_id), ('')) AS who (user_id)
    CROSS JOIN LATERAL (VALUES (s.before, -s.events), (s.after, s.events)) AS change (status, jobs)
    WHERE change.status IS NOT NULL
    GROUP BY 1, 2, 3
    HAVING sum(change.jobs) <> 0
    ON CONFLICT (user_id, job_type, status) DO UPDATE SET jobs = c.jobs + excluded.jobs
), rated AS (
    INSERT INTO jobledger.job_rates AS r (minute, user_id, job_type, event_type, bucket, events)
    SELECT s.minute, who.user_id, s.job_type, s.type, s.bucket, sum(s.events)
    FROM sums AS s
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
