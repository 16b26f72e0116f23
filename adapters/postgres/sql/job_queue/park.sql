-- Out of everybody's way, kept with its error; guarded like a lease.
WITH gone AS (
    DELETE FROM pgmq.q_job_queue WHERE msg_id = %(msg_id)s AND read_ct = %(read_ct)s RETURNING message
)
INSERT INTO jobledger.parked (source, body, error) SELECT 'queue', message::text, %(error)s FROM gone
