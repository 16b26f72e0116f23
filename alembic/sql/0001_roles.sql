-- Roles belong to the whole cluster: made if absent (other databases may have made them, at this very
-- moment too), and never dropped.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['jobledger_owner', 'jobledger_service', 'jobledger_auditor'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
    END LOOP;
END
$$;
