-- The events' places. A tick is what one snapshot saw and the one before did not: its events, in the order of
-- their ids, take the positions from first_position on. One row and one index entry a tick, and 52 bytes an
-- event, because this is written for every event there is. The key refuses a second sealer.
CREATE TABLE jobledger.ledger_ticks (
    first_position bigint NOT NULL,
    last_position bigint NOT NULL,
    sealed_at timestamptz NOT NULL,
    seen pg_snapshot NOT NULL,
    job_ids uuid[] NOT NULL,
    versions integer[] NOT NULL,
    hashes bytea NOT NULL,
    CONSTRAINT ledger_ticks_pkey PRIMARY KEY (first_position),
    CONSTRAINT ledger_ticks_are_dense CHECK (last_position = first_position + cardinality(job_ids) - 1
        AND cardinality(versions) = cardinality(job_ids) AND octet_length(hashes) = 32 * cardinality(job_ids)
        AND first_position >= 1 AND last_position >= first_position)
);
-- Random bytes: to try to compress them would cost more than everything else.
ALTER TABLE jobledger.ledger_ticks ALTER job_ids SET STORAGE EXTERNAL, ALTER hashes SET STORAGE EXTERNAL;
CREATE INDEX ledger_ticks_by_time_idx ON jobledger.ledger_ticks (sealed_at, first_position);
-- From an event to its tick: the first whose snapshot is beyond its transaction, hardly ever a later one.
CREATE INDEX ledger_ticks_by_snapshot_idx ON jobledger.ledger_ticks (pg_snapshot_xmax(seen), first_position);

COMMENT ON COLUMN jobledger.ledger_ticks.sealed_at IS
    'Never before the tick''s own events were recorded, nor before the last tick, whatever the clock does.';
COMMENT ON TABLE jobledger.ledger_ticks IS
    'hashes: the RFC 6962 leaf hash of each event, one after the other; job_ids and versions: which events they are.';

-- A tree is one origin's. A database that was restored behind what had been signed goes on in a new one.
CREATE TABLE jobledger.ledger_trees (
    number integer NOT NULL,
    origin text NOT NULL,
    first_position bigint NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    CONSTRAINT ledger_trees_pkey PRIMARY KEY (number),
    CONSTRAINT ledger_trees_origin_is_unique UNIQUE (origin),
    CONSTRAINT ledger_trees_number_is_positive CHECK (number >= 1 AND first_position >= 1)
);

-- The hashes above the leaves, one for each full tile of C2SP tlog-tiles: hash `index` of tile level `level`.
CREATE TABLE jobledger.ledger_nodes (
    index bigint NOT NULL,
    tree integer NOT NULL,
    level smallint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT ledger_nodes_pkey PRIMARY KEY (tree, level, index),
    CONSTRAINT ledger_nodes_tree_fkey FOREIGN KEY (tree) REFERENCES jobledger.ledger_trees (number),
    CONSTRAINT ledger_nodes_are_above_leaves CHECK (level >= 1 AND octet_length(hash) = 32)
);

-- Every tree head that was ever signed, as the note that auditors are given.
CREATE TABLE jobledger.ledger_checkpoints (
    size bigint NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    tree integer NOT NULL,
    note text NOT NULL,
    CONSTRAINT ledger_checkpoints_pkey PRIMARY KEY (tree, size),
    CONSTRAINT ledger_checkpoints_tree_fkey FOREIGN KEY (tree) REFERENCES jobledger.ledger_trees (number),
    CONSTRAINT ledger_checkpoints_are_not_empty CHECK (size >= 1)
);

-- The public keys that checkpoints are signed with, as auditors are given them.
CREATE TABLE jobledger.ledger_keys (
    since timestamptz NOT NULL DEFAULT statement_timestamp(),
    until timestamptz,
    key text NOT NULL,
    CONSTRAINT ledger_keys_pkey PRIMARY KEY (key)
);

CREATE FUNCTION jobledger.refuse_change_of_ledger() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

DO $$
DECLARE
    place text;
BEGIN
    FOREACH place IN ARRAY ARRAY['ledger_ticks', 'ledger_trees', 'ledger_nodes', 'ledger_checkpoints'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON jobledger.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION jobledger.refuse_change_of_ledger()',
            place || '_are_append_only', place);
        EXECUTE format('GRANT SELECT, INSERT ON jobledger.%I TO jobledger_service', place);
    END LOOP;
    GRANT SELECT, INSERT, UPDATE ON jobledger.ledger_keys TO jobledger_service;
    FOREACH place IN ARRAY ARRAY['ledger_ticks', 'ledger_trees', 'ledger_nodes', 'ledger_checkpoints',
        'ledger_keys'] LOOP
        EXECUTE format('GRANT ALL ON jobledger.%I TO jobledger_owner', place);
        EXECUTE format('GRANT SELECT ON jobledger.%I TO jobledger_auditor', place);
        EXECUTE format('ALTER TABLE jobledger.%I ENABLE ROW LEVEL SECURITY', place);
        EXECUTE format('CREATE POLICY jobledger_service_all ON jobledger.%I TO jobledger_service, '
            'jobledger_owner USING (true) WITH CHECK (true)', place);
        EXECUTE format('CREATE POLICY jobledger_auditor_reads ON jobledger.%I FOR SELECT TO '
            'jobledger_auditor USING (true)', place);
    END LOOP;
END
$$;

-- The only way to take personal data out of history: through here, and only for a job whose stream says so.
CREATE FUNCTION jobledger.erase_payloads(erased_job uuid, through integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    taken integer;
BEGIN
    IF NOT EXISTS (SELECT FROM jobledger.job_events WHERE job_id = erased_job AND version = through + 1
            AND type = 'PersonalDataErased') THEN
        RAISE EXCEPTION 'job % has no PersonalDataErased at version %', erased_job, through + 1
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    UPDATE jobledger.job_events SET payload = NULL, salt = NULL
    WHERE job_id = erased_job AND version <= through AND payload IS NOT NULL;
    GET DIAGNOSTICS taken = ROW_COUNT;
    DELETE FROM jobledger.outbox WHERE job_id = erased_job;
    DELETE FROM pgmq.q_job_queue WHERE message ->> 'job_id' = erased_job::text;
    DELETE FROM pgmq.a_job_queue WHERE message ->> 'job_id' = erased_job::text;
    UPDATE jobledger.parked SET body = NULL WHERE strpos(body, erased_job::text) > 0;
    RETURN taken;
END
$$;
REVOKE ALL ON FUNCTION jobledger.erase_payloads(uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jobledger.erase_payloads(uuid, integer) TO jobledger_service, jobledger_owner;
