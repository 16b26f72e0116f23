-- The messages together with their jobs, so that a claim needs no second read. The id is cast only where it
-- looks like one: a message that cannot be parsed must not fail its batch.
SELECT m.msg_id, m.read_ct, m.message::text AS body, parsed.job_id, j.*
FROM pgmq.read('job_queue', %(lease_seconds)s::integer, %(limit)s::integer) AS m
CROSS JOIN LATERAL (
    SELECT CASE WHEN m.message ->> 'job_id' ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
        THEN (m.message ->> 'job_id')::uuid END AS job_id
) AS parsed
LEFT JOIN LATERAL (SELECT * FROM jobledger.jobs WHERE jobs.id = parsed.job_id LIMIT 1) AS j ON true
ORDER BY m.msg_id
