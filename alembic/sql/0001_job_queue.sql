-- PGMQ's own queue, without its index on vt: every read and every heartbeat changes vt, and with the index
-- each of these would write to both indexes too. The queue is kept shallow and read in the order of msg_id;
-- nothing searches by vt. The low fillfactor leaves room for the update beside its row. Reads still leave
-- dead rows: vacuum early and often.
SELECT pgmq.create('job_queue');
DROP INDEX pgmq.q_job_queue_vt_idx;
ALTER TABLE pgmq.q_job_queue SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
