-- Months whose jobs, with their history, were moved to files: what tells those who ask where they are.
CREATE TABLE jobledger.archived_months (
    month date NOT NULL,
    archived_at timestamptz NOT NULL,
    dropped_at timestamptz,
    jobs bigint NOT NULL,
    events bigint NOT NULL,
    file text NOT NULL,
    sha256 text NOT NULL,
    CONSTRAINT archived_months_pkey PRIMARY KEY (month),
    CONSTRAINT archived_months_month_is_its_first_day CHECK (month = date_trunc('month', month)::date),
    CONSTRAINT archived_months_sha256_is_hex CHECK (sha256 ~ '^[0-9a-f]{64}$')
);
COMMENT ON COLUMN jobledger.archived_months.sha256 IS 'Of the bytes of the file.';

-- The detached table stays, as append-only as it was: detaching takes the triggers that were cloned from the
-- parent, so it gets its own. The service has no right to it; auditors may read it.
CREATE FUNCTION jobledger.detach_month(month date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text := 'job_events_' || to_char(month, 'YYYY_MM');
BEGIN
    EXECUTE format('ALTER TABLE jobledger.job_events DETACH PARTITION jobledger.%I', name);
    EXECUTE format(
        'CREATE TRIGGER job_events_are_append_only BEFORE UPDATE OR DELETE ON jobledger.%I '
        'FOR EACH ROW EXECUTE FUNCTION jobledger.refuse_change_of_history()', name);
    EXECUTE format('REVOKE ALL ON jobledger.%I FROM jobledger_service', name);
    EXECUTE format('GRANT SELECT ON jobledger.%I TO jobledger_auditor', name);
    EXECUTE format('CREATE POLICY jobledger_auditor_reads ON jobledger.%I FOR SELECT TO jobledger_auditor '
        'USING (true)', name);
    EXECUTE format('COMMENT ON TABLE jobledger.%I IS %L', name,
        'Archived: no part of job_events any more; see archived_months.');
END
$$;

CREATE FUNCTION jobledger.drop_archived_month(archived date) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE jobledger.archived_months SET dropped_at = statement_timestamp()
    WHERE month = archived AND dropped_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no archived month % stands detached', archived USING ERRCODE = 'no_data_found';
    END IF;
    EXECUTE format('DROP TABLE jobledger.%I', 'job_events_' || to_char(archived, 'YYYY_MM'));
END
$$;
REVOKE ALL ON FUNCTION jobledger.detach_month(date), jobledger.drop_archived_month(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jobledger.detach_month(date), jobledger.drop_archived_month(date) TO jobledger_owner;

GRANT ALL ON jobledger.archived_months TO jobledger_owner;
GRANT SELECT ON jobledger.archived_months TO jobledger_service, jobledger_auditor;
ALTER TABLE jobledger.archived_months ENABLE ROW LEVEL SECURITY;
CREATE POLICY jobledger_owner_all ON jobledger.archived_months TO jobledger_owner
    USING (true) WITH CHECK (true);
CREATE POLICY jobledger_service_reads ON jobledger.archived_months FOR SELECT TO jobledger_service USING (true);
CREATE POLICY jobledger_auditor_reads ON jobledger.archived_months FOR SELECT TO jobledger_auditor USING (true);
