-- Grants say who may do what; row level security, with policies for our roles only, keeps everybody else
-- (a data API's roles, say) from reading anything even where a grant slipped through.
GRANT USAGE ON SCHEMA jobledger TO jobledger_owner, jobledger_service, jobledger_auditor;
GRANT ALL ON ALL TABLES IN SCHEMA jobledger TO jobledger_owner;
GRANT USAGE ON SEQUENCE jobledger.event_ids TO jobledger_service, jobledger_owner;

GRANT SELECT, INSERT ON jobledger.job_events TO jobledger_service;
GRANT SELECT, INSERT, UPDATE ON jobledger.jobs TO jobledger_service;
GRANT SELECT, INSERT, DELETE, UPDATE ON jobledger.outbox TO jobledger_service;
GRANT SELECT, INSERT ON jobledger.parked TO jobledger_service;
GRANT SELECT ON jobledger.alembic_version TO jobledger_service;
GRANT SELECT ON jobledger.job_events, jobledger.jobs, jobledger.parked TO jobledger_auditor;
REVOKE ALL ON FUNCTION jobledger.make_partition(date), jobledger.make_partitions_ahead(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jobledger.make_partitions_ahead(integer) TO jobledger_service, jobledger_owner;

GRANT USAGE ON SCHEMA pgmq TO jobledger_service;
GRANT SELECT ON pgmq.meta TO jobledger_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON pgmq.q_job_queue, pgmq.a_job_queue TO jobledger_service;

DO $$
DECLARE
    place text;
BEGIN
    FOREACH place IN ARRAY ARRAY['jobledger.job_events', 'jobledger.jobs', 'jobledger.outbox',
        'jobledger.parked', 'pgmq.q_job_queue', 'pgmq.a_job_queue'] LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', place);
        EXECUTE format('DROP POLICY IF EXISTS jobledger_service_all ON %s', place);
        EXECUTE format('CREATE POLICY jobledger_service_all ON %s TO jobledger_service, jobledger_owner '
            'USING (true) WITH CHECK (true)', place);
    END LOOP;
    FOREACH place IN ARRAY ARRAY['jobledger.job_events', 'jobledger.jobs', 'jobledger.parked'] LOOP
        EXECUTE format('CREATE POLICY jobledger_auditor_reads ON %s FOR SELECT TO jobledger_auditor '
            'USING (true)', place);
    END LOOP;
END
$$;
