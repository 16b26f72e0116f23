-- By the messages that are the attempts' leases: the queue is shallow, and no index names workers.
SELECT j.*
FROM pgmq.q_job_queue AS q
CROSS JOIN LATERAL (
    SELECT CASE WHEN q.message ->> 'job_id' ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
        THEN (q.message ->> 'job_id')::uuid END AS job_id
) AS parsed
CROSS JOIN LATERAL (SELECT * FROM jobledger.jobs WHERE jobs.id = parsed.job_id LIMIT 1) AS j
WHERE q.read_ct > 0 AND j.lease_msg_id = q.msg_id AND j.lease_worker_id = ANY (%(worker_ids)s)
