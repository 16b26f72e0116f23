-- Messages that stand for nothing any more. Guarded like a lease: who slept over its end would delete the
-- message under which somebody else started the job since.
DELETE FROM pgmq.q_job_queue AS q
USING unnest(%(msg_id)s::bigint[], %(read_ct)s::integer[]) AS held (msg_id, read_ct)
WHERE q.msg_id = held.msg_id AND q.read_ct = held.read_ct
