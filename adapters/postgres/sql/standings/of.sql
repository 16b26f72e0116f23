-- One snapshot of the job and of all that it may wait for: seen one by one, a job on its way from outbox to queue
-- would be nowhere. Every line is counted to its limit only. The queue has no index by job; it is shallow, and is
-- looked through for jobs that are due and wait, and for no others. Entries are found by their key, and counted in the
-- order of the whole of it: nothing else keeps a planner from reading all that are due, or the table, for the first.
WITH job AS MATERIALIZED (
    SELECT *, status IN ('scheduled', 'pending', 'retrying') AS is_waiting, due_at <= statement_timestamp() AS is_due
    FROM jobledger.jobs WHERE id = %(job_id)s::uuid
), entry AS MATERIALIZED (
    SELECT o.id, o.available_at, o.is_remote
    FROM job CROSS JOIN (VALUES (false), (true)) AS part (is_remote) CROSS JOIN LATERAL (
        SELECT * FROM jobledger.outbox AS o
        WHERE o.is_remote = part.is_remote AND o.priority = job.priority AND o.available_at = job.due_at
            AND o.job_id = job.id
        LIMIT 1
    ) AS o
    LIMIT 1
), message AS MATERIALIZED (
    SELECT q.msg_id, q.read_ct, q.vt, q.headers ->> 'compute' AS compute
    FROM job CROSS JOIN LATERAL (
        SELECT * FROM pgmq.q_job_queue WHERE msg_id = job.lease_msg_id
        UNION ALL
        SELECT * FROM pgmq.q_job_queue WHERE job.is_waiting AND job.is_due AND message ->> 'job_id' = job.id::text
    ) AS q
    ORDER BY q.msg_id
    LIMIT 1
), part AS MATERIALIZED (
    SELECT coalesce((SELECT is_remote FROM entry), (SELECT compute IS NOT NULL FROM message)) AS is_remote
), crew AS (
    SELECT count(*) AS living, count(*) FILTER (WHERE serves) AS serving,
        coalesce(sum(greatest(concurrency - running, 0)) FILTER (WHERE serves), 0) AS free_places
    FROM (
        SELECT concurrency, running, job_types @> ARRAY[job.job_type]
            AND (part.is_remote IS NULL OR part.is_remote = (compute <> 'local')) AS serves
        FROM jobledger.workers CROSS JOIN job CROSS JOIN part
        WHERE alive_until > statement_timestamp()
    ) AS living
)
SELECT statement_timestamp() AS at, job.*, coalesce(part.is_remote, false) AS is_remote,
    message.msg_id AS found_msg_id, message.read_ct AS found_read_ct, message.vt AS found_vt,
    message.compute AS found_compute, entry.id AS entry_id,
    crew.living::integer AS living, crew.serving::integer AS serving, crew.free_places::integer AS free_places,
    CASE WHEN job.is_due AND entry.id IS NOT NULL THEN (
        SELECT count(*) FROM (
            SELECT FROM jobledger.outbox AS o
            WHERE o.is_remote = entry.is_remote AND o.priority = job.priority
                AND (o.available_at, o.id) < (entry.available_at, entry.id)
            LIMIT %(limit)s
        ) AS before
    ) ELSE 0 END::integer AS of_its_priority,
    CASE WHEN job.is_due AND entry.id IS NOT NULL THEN (
        SELECT count(*) FROM (
            SELECT FROM generate_series(job.priority + 1, 9) AS higher (priority) CROSS JOIN LATERAL (
                SELECT FROM jobledger.outbox AS o
                WHERE o.is_remote = entry.is_remote AND o.priority = higher.priority
                    AND o.available_at <= statement_timestamp()
                ORDER BY o.is_remote, o.priority, o.available_at, o.id
                LIMIT %(limit)s
            ) AS due
            LIMIT %(limit)s
        ) AS before
    ) ELSE 0 END::integer AS of_higher_priority,
    CASE WHEN job.is_waiting AND job.is_due AND NOT coalesce(part.is_remote, false) THEN (
        SELECT count(*) FROM (
            SELECT FROM pgmq.q_job_queue AS q
            WHERE q.vt <= statement_timestamp() AND NOT coalesce(q.headers ?| '{compute,chances_left}', false)
                AND (message.msg_id IS NULL OR q.msg_id < message.msg_id)
            LIMIT %(limit)s
        ) AS before
    ) ELSE 0 END::integer AS in_queue,
    (
        SELECT min(oldest.available_at) FROM generate_series(0, 9) AS p (priority) CROSS JOIN LATERAL (
            SELECT available_at FROM jobledger.outbox AS o
            WHERE o.is_remote = coalesce(part.is_remote, false) AND o.priority = p.priority
                AND o.available_at <= statement_timestamp()
            ORDER BY o.is_remote, o.priority, o.available_at, o.id
            LIMIT 1
        ) AS oldest
    ) AS oldest_due_at
FROM job CROSS JOIN part CROSS JOIN crew LEFT JOIN entry ON true LEFT JOIN message ON true
