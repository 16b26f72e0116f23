-- Every worker asks once a second: the index holds isolated jobs only, and is empty nearly always.
SELECT (headers ->> 'chances_left')::integer AS chances_left
FROM pgmq.q_job_queue
WHERE headers ? 'chances_left' AND vt <= statement_timestamp()
ORDER BY msg_id
LIMIT 1
