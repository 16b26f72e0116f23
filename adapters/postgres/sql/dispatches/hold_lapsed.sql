-- Messages handed to remote compute whose time is up, claimed or not. read_ct stays: it is what a call was told
-- and a container holds, and either may still be alive. The index holds such messages only.
WITH due AS MATERIALIZED (
    SELECT ctid AS place FROM pgmq.q_job_queue
    WHERE headers ? 'compute' AND vt <= statement_timestamp()
    ORDER BY msg_id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), held AS (
    UPDATE pgmq.q_job_queue AS q
    SET vt = clock_timestamp() + make_interval(secs => %(hold_seconds)s)
    WHERE q.ctid = ANY (ARRAY(SELECT place FROM due))
    RETURNING q.msg_id, q.read_ct, q.message
)
SELECT h.msg_id, h.read_ct, h.message::text AS body, j.id AS job_id, j.*
FROM held AS h
LEFT JOIN jobledger.jobs AS j ON j.id::text = h.message ->> 'job_id'
ORDER BY h.msg_id
