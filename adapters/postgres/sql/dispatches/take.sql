-- The one message that a call was told, if nobody took it before: read_ct tells, and the next taker is told another.
WITH taken AS (
    UPDATE pgmq.q_job_queue
    SET vt = clock_timestamp() + make_interval(secs => %(lease_seconds)s), read_ct = read_ct + 1
    WHERE msg_id = %(msg_id)s AND read_ct = %(read_ct)s
    RETURNING msg_id, read_ct, message
)
SELECT t.msg_id, t.read_ct, t.message::text AS body, j.id AS job_id, j.*
FROM taken AS t
LEFT JOIN LATERAL (
    SELECT * FROM jobledger.jobs WHERE jobs.id = (t.message ->> 'job_id')::uuid LIMIT 1
) AS j ON true
