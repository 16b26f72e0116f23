-- Which worker processes live and what they serve: for people, and to tell why a job waits. Nothing of the work
-- depends on it. An update changes no indexed column, so the beats of a row stay in its page.
CREATE TABLE jobledger.workers (
    worker_id text NOT NULL,
    compute text NOT NULL,
    job_types text[] NOT NULL,
    concurrency integer NOT NULL,
    running integer NOT NULL,
    started_at timestamptz NOT NULL,
    beat_at timestamptz NOT NULL,
    alive_until timestamptz NOT NULL,
    CONSTRAINT workers_pkey PRIMARY KEY (worker_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

GRANT ALL ON jobledger.workers TO jobledger_owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON jobledger.workers TO jobledger_service;
GRANT SELECT ON jobledger.workers TO jobledger_auditor;

ALTER TABLE jobledger.workers ENABLE ROW LEVEL SECURITY;
CREATE POLICY jobledger_service_all ON jobledger.workers TO jobledger_service, jobledger_owner
    USING (true) WITH CHECK (true);
CREATE POLICY jobledger_auditor_reads ON jobledger.workers FOR SELECT TO jobledger_auditor USING (true);
