-- Guarded by read_ct: pgmq.set_vt would let a worker that lost its message extend its successor's lease.
UPDATE pgmq.q_job_queue AS q
SET vt = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
FROM unnest(%(msg_id)s::bigint[], %(read_ct)s::integer[]) AS held (msg_id, read_ct)
WHERE q.msg_id = held.msg_id AND q.read_ct = held.read_ct
RETURNING q.msg_id, q.read_ct,
    (SELECT status = 'cancelling' FROM jobledger.jobs WHERE id = (q.message ->> 'job_id')::uuid) AS is_cancelling
