-- For a call that was told a job and no message. Reads the whole queue, which is shallow; rare.
SELECT msg_id, read_ct FROM pgmq.q_job_queue
WHERE message ->> 'job_id' = %(job_id)s AND CASE WHEN headers ? 'compute' THEN read_ct = 0 ELSE vt <= statement_timestamp() END
ORDER BY msg_id
LIMIT 1
