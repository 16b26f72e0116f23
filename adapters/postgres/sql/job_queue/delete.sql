-- Messages that stand for nothing any more.
DELETE FROM pgmq.q_job_queue WHERE msg_id = ANY (%(msg_ids)s::bigint[])
