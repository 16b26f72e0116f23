-- PGMQ's own queue; its vt is indexed, so every read leaves a dead row: vacuum early and often.
SELECT pgmq.create('job_queue');
ALTER TABLE pgmq.q_job_queue SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0);
