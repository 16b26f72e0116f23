-- Visible at once, to wards alone; guarded like a lease.
UPDATE pgmq.q_job_queue AS q
SET headers = jsonb_build_object('chances_left', held.chances_left), vt = clock_timestamp()
FROM unnest(%(msg_id)s::bigint[], %(read_ct)s::integer[], %(chances_left)s::integer[])
    AS held (msg_id, read_ct, chances_left)
WHERE q.msg_id = held.msg_id AND q.read_ct = held.read_ct
