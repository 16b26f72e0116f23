-- What schedules are now, and where each event that made them so stands in the history.
CREATE TABLE jobledger.schedules (
    id uuid NOT NULL,
    user_id text NOT NULL,
    cron text NOT NULL,
    time_zone text NOT NULL,
    missed_runs text NOT NULL,
    overlap text NOT NULL,
    template json NOT NULL,
    created_at timestamptz NOT NULL,
    version integer NOT NULL,
    next_at timestamptz,
    last_job_id uuid,
    is_paused boolean NOT NULL,
    is_removed boolean NOT NULL,
    CONSTRAINT schedules_pkey PRIMARY KEY (id),
    CONSTRAINT schedules_missed_runs_is_known CHECK (missed_runs IN ('skip', 'once', 'all')),
    CONSTRAINT schedules_overlap_is_known CHECK (overlap IN ('allow', 'skip')),
    CONSTRAINT schedules_rest_when_paused_or_removed CHECK (next_at IS NULL OR NOT (is_paused OR is_removed))
) WITH (fillfactor = 70);
CREATE INDEX schedules_by_user_idx ON jobledger.schedules (user_id, id);
CREATE INDEX schedules_due_idx ON jobledger.schedules (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE jobledger.schedule_events (
    schedule_id uuid NOT NULL,
    version integer NOT NULL,
    stream_id uuid NOT NULL,
    CONSTRAINT schedule_events_pkey PRIMARY KEY (schedule_id, version)
);

GRANT ALL ON jobledger.schedules, jobledger.schedule_events TO jobledger_owner;
GRANT SELECT, INSERT, UPDATE ON jobledger.schedules TO jobledger_service;
GRANT SELECT, INSERT ON jobledger.schedule_events TO jobledger_service;
GRANT SELECT ON jobledger.schedules, jobledger.schedule_events TO jobledger_auditor;

DO $$
DECLARE
    place text;
BEGIN
    FOREACH place IN ARRAY ARRAY['schedules', 'schedule_events'] LOOP
        EXECUTE format('ALTER TABLE jobledger.%I ENABLE ROW LEVEL SECURITY', place);
        EXECUTE format('CREATE POLICY jobledger_service_all ON jobledger.%I TO jobledger_service, '
            'jobledger_owner USING (true) WITH CHECK (true)', place);
        EXECUTE format('CREATE POLICY jobledger_auditor_reads ON jobledger.%I FOR SELECT TO '
            'jobledger_auditor USING (true)', place);
    END LOOP;
END
$$;
