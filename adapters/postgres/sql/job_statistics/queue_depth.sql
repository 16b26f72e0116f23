-- The queue is kept shallow, and its count is cut off all the same; the outbox is asked priority by priority,
-- because its key begins with that.
SELECT depth.visible::integer AS visible, depth.leased::integer AS leased, (
        SELECT min(oldest.available_at) FROM generate_series(0, 9) AS p (priority)
        CROSS JOIN (VALUES (false), (true)) AS r (is_remote) CROSS JOIN LATERAL (
            SELECT available_at FROM jobledger.outbox AS o
            WHERE o.is_remote = r.is_remote AND o.priority = p.priority AND o.available_at <= now() ORDER BY o.available_at LIMIT 1) AS oldest
    ) AS oldest_due_at
FROM (
    SELECT count(*) FILTER (WHERE vt <= now()) AS visible, count(*) FILTER (WHERE vt > now()) AS leased
    FROM (SELECT vt FROM pgmq.q_job_queue LIMIT 20000) AS messages
) AS depth
