-- What dashboards show, counted from events by one counter at a time and apart from the work: the rows of a
-- user and, under the empty user id, those of everybody. All of it can be counted again.
CREATE TABLE jobledger.statistics_cursor (
    is_the_only_one boolean NOT NULL DEFAULT true,
    seen pg_snapshot NOT NULL,
    CONSTRAINT statistics_cursor_pkey PRIMARY KEY (is_the_only_one),
    CONSTRAINT statistics_cursor_is_one_row CHECK (is_the_only_one)
);
INSERT INTO jobledger.statistics_cursor (seen) VALUES ('1:1:');

CREATE TABLE jobledger.job_counts (
    user_id text NOT NULL,
    job_type text NOT NULL,
    status text NOT NULL,
    jobs bigint NOT NULL,
    CONSTRAINT job_counts_pkey PRIMARY KEY (user_id, job_type, status)
) WITH (fillfactor = 50);

CREATE TABLE jobledger.job_rates (
    minute timestamptz NOT NULL,
    user_id text NOT NULL,
    job_type text NOT NULL,
    event_type text NOT NULL,
    bucket smallint NOT NULL,
    events bigint NOT NULL,
    CONSTRAINT job_rates_pkey PRIMARY KEY (minute, user_id, job_type, event_type, bucket)
) WITH (fillfactor = 50);

CREATE TABLE jobledger.recovery_sweeps (
    stream_id uuid NOT NULL,
    swept_at timestamptz NOT NULL,
    actor_kind text NOT NULL,
    actor_id text NOT NULL,
    facts json NOT NULL,
    CONSTRAINT recovery_sweeps_pkey PRIMARY KEY (stream_id)
);
CREATE INDEX recovery_sweeps_by_time_idx ON jobledger.recovery_sweeps (swept_at DESC);

GRANT ALL ON jobledger.statistics_cursor, jobledger.job_counts, jobledger.job_rates, jobledger.recovery_sweeps
    TO jobledger_owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON jobledger.statistics_cursor, jobledger.job_counts, jobledger.job_rates,
    jobledger.recovery_sweeps TO jobledger_service;
GRANT SELECT ON jobledger.job_counts, jobledger.job_rates, jobledger.recovery_sweeps TO jobledger_auditor;

DO $$
DECLARE
    place text;
BEGIN
    FOREACH place IN ARRAY ARRAY['statistics_cursor', 'job_counts', 'job_rates', 'recovery_sweeps'] LOOP
        EXECUTE format('ALTER TABLE jobledger.%I ENABLE ROW LEVEL SECURITY', place);
        EXECUTE format('CREATE POLICY jobledger_service_all ON jobledger.%I TO jobledger_service, '
            'jobledger_owner USING (true) WITH CHECK (true)', place);
    END LOOP;
    FOREACH place IN ARRAY ARRAY['job_counts', 'job_rates', 'recovery_sweeps'] LOOP
        EXECUTE format('CREATE POLICY jobledger_auditor_reads ON jobledger.%I FOR SELECT TO '
            'jobledger_auditor USING (true)', place);
    END LOOP;
END
$$;
