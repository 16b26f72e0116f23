-- Messages of leases just taken whose jobs were not started, with the jobs as they are now.
SELECT q.msg_id, q.read_ct, q.message::text AS body, parsed.job_id, j.*
FROM pgmq.q_job_queue AS q
CROSS JOIN LATERAL (
    SELECT CASE WHEN q.message ->> 'job_id' ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
        THEN (q.message ->> 'job_id')::uuid END AS job_id
) AS parsed
LEFT JOIN LATERAL (SELECT * FROM jobledger.jobs WHERE jobs.id = parsed.job_id LIMIT 1) AS j ON true
WHERE (q.msg_id, q.read_ct) IN (SELECT * FROM unnest(%(msg_id)s::bigint[], %(read_ct)s::integer[]))
ORDER BY q.msg_id
