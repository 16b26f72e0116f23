-- As `receive`, of isolated jobs; their index finds them, however many other messages there are.
WITH due AS MATERIALIZED (
    SELECT msg_id FROM pgmq.q_job_queue
    WHERE vt <= statement_timestamp() AND headers ? 'chances_left'
        AND (headers ->> 'chances_left')::integer = %(chances_left)s
    ORDER BY msg_id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE pgmq.q_job_queue AS q
    SET vt = clock_timestamp() + make_interval(secs => %(lease_seconds)s), read_ct = q.read_ct + 1
    FROM due
    WHERE q.msg_id = due.msg_id
    RETURNING q.msg_id, q.read_ct, q.message
)
SELECT t.msg_id, t.read_ct, t.message::text AS body, parsed.job_id, j.*
FROM taken AS t
CROSS JOIN LATERAL (
    SELECT CASE WHEN t.message ->> 'job_id' ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
        THEN (t.message ->> 'job_id')::uuid END AS job_id
) AS parsed
LEFT JOIN LATERAL (SELECT * FROM jobledger.jobs WHERE jobs.id = parsed.job_id LIMIT 1) AS j ON true
ORDER BY t.msg_id
