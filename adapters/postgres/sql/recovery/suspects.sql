-- One page of jobs in one snapshot, so that an entry on its way from outbox to queue cannot be seen half-way.
-- The outbox is asked by its key (a waiting job's entry has its priority and due time); the queue, which is
-- shallow, is hashed once. Ended jobs cost a look at their status.
WITH page AS MATERIALIZED (
    SELECT id, status, due_at, priority, lease_msg_id AS msg_id
    FROM jobledger.jobs
    WHERE id > coalesce(%(after)s::uuid, '00000000-0000-0000-0000-000000000000')
    ORDER BY id
    LIMIT %(limit)s
), queued AS MATERIALIZED (
    SELECT message ->> 'job_id' AS job_id FROM pgmq.q_job_queue WHERE message ->> 'job_id' IS NOT NULL
), found AS (
    SELECT p.id, 'stuck' AS suspicion, p.msg_id
    FROM page AS p
    WHERE p.status IN ('processing', 'cancelling') AND NOT EXISTS (
        SELECT FROM pgmq.q_job_queue AS q
        WHERE q.msg_id = p.msg_id AND q.vt > statement_timestamp() - make_interval(secs => %(silent_for_seconds)s)
    )
    UNION ALL
    SELECT p.id, 'orphaned', NULL
    FROM page AS p
    WHERE p.status IN ('scheduled', 'pending', 'retrying')
        AND p.due_at < statement_timestamp() - make_interval(secs => %(silent_for_seconds)s)
        AND NOT EXISTS (
            SELECT FROM jobledger.outbox AS o
            WHERE NOT o.is_remote AND o.priority = p.priority AND o.available_at = p.due_at AND o.job_id = p.id
        )
        AND NOT EXISTS (
            SELECT FROM jobledger.outbox AS o
            WHERE o.is_remote AND o.priority = p.priority AND o.available_at = p.due_at AND o.job_id = p.id
        )
        AND p.id::text NOT IN (SELECT job_id FROM queued)
)
SELECT totals.scanned, totals.last, found.suspicion, found.msg_id, j.*
FROM (SELECT count(*) AS scanned, (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last FROM page) AS totals
LEFT JOIN found ON true
LEFT JOIN jobledger.jobs AS j ON j.id = found.id
