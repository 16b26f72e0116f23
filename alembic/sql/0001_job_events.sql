-- The truth: one row for each thing that happened to a job, append-only, partitioned by month of submission
-- (a UUIDv7 begins with its time, so a whole job lies in one partition).
CREATE SEQUENCE jobledger.event_ids AS bigint CACHE 1;  -- a larger cache would break the order inside a stream

CREATE TABLE jobledger.job_events (
    id bigint NOT NULL DEFAULT nextval('jobledger.event_ids'),
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    recorded_at timestamptz NOT NULL,
    job_id uuid NOT NULL,
    command_id uuid NOT NULL,
    version integer NOT NULL,
    schema_version smallint NOT NULL,
    type text NOT NULL,
    actor_kind text NOT NULL,
    actor_id text NOT NULL,
    request_id text,
    traceparent text,
    code_version text NOT NULL,
    facts json NOT NULL,
    payload json,
    salt bytea,
    commitment bytea,
    CONSTRAINT job_events_pkey PRIMARY KEY (job_id, version),
    CONSTRAINT job_events_version_is_positive CHECK (version >= 1),
    CONSTRAINT job_events_payload_has_salt CHECK ((payload IS NULL) = (salt IS NULL)),
    CONSTRAINT job_events_payload_is_committed CHECK (payload IS NULL OR commitment IS NOT NULL),
    CONSTRAINT job_events_commitment_is_sha256 CHECK (octet_length(commitment) = 32)
) PARTITION BY RANGE (job_id);

COMMENT ON TABLE jobledger.job_events IS
    'Append-only. facts stay for ever; payload may be personal and can be erased; commitment = SHA-256(salt || payload).';

CREATE INDEX job_events_xid_idx ON jobledger.job_events (xid);

-- Row triggers are cloned to the partitions and fire on direct access too; statement triggers are not.
CREATE FUNCTION jobledger.refuse_change_of_history() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    -- The one door: erasure takes payload and salt, and leaves everything else as it was.
    IF TG_OP = 'UPDATE' THEN
        IF NEW.payload IS NULL AND NEW.salt IS NULL AND OLD.payload IS NOT NULL
            AND (NEW.id, NEW.xid, NEW.recorded_at, NEW.job_id, NEW.command_id, NEW.version, NEW.schema_version,
                 NEW.type, NEW.actor_kind, NEW.actor_id, NEW.request_id, NEW.traceparent, NEW.code_version,
                 NEW.facts::text, NEW.commitment)
                IS NOT DISTINCT FROM
                (OLD.id, OLD.xid, OLD.recorded_at, OLD.job_id, OLD.command_id, OLD.version, OLD.schema_version,
                 OLD.type, OLD.actor_kind, OLD.actor_id, OLD.request_id, OLD.traceparent, OLD.code_version,
                 OLD.facts::text, OLD.commitment)
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'job_events is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER job_events_are_append_only BEFORE UPDATE OR DELETE ON jobledger.job_events
    FOR EACH ROW EXECUTE FUNCTION jobledger.refuse_change_of_history();
CREATE TRIGGER job_events_are_not_truncated BEFORE TRUNCATE ON jobledger.job_events
    FOR EACH STATEMENT EXECUTE FUNCTION jobledger.refuse_change_of_history();

CREATE FUNCTION jobledger.first_job_id(month date) RETURNS uuid
LANGUAGE sql STABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM month::timestamp AT TIME ZONE 'UTC') * 1000)::bigint), 12, '0')
        || repeat('0', 20))::uuid
$$;

-- Attached, not created as a partition: that would lock the parent against everybody.
CREATE FUNCTION jobledger.make_partition(month date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first date := date_trunc('month', month)::date;
    name text := 'job_events_' || to_char(month, 'YYYY_MM');
BEGIN
    IF to_regclass('jobledger.' || name) IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('jobledger.' || name));
    IF to_regclass('jobledger.' || name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE jobledger.%I (LIKE jobledger.job_events INCLUDING ALL)', name);
    EXECUTE format('ALTER TABLE jobledger.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format(
        'CREATE TRIGGER job_events_are_not_truncated BEFORE TRUNCATE ON jobledger.%I '
        'FOR EACH STATEMENT EXECUTE FUNCTION jobledger.refuse_change_of_history()', name);
    EXECUTE format(
        'ALTER TABLE jobledger.job_events ATTACH PARTITION jobledger.%I FOR VALUES FROM (%L) TO (%L)', name,
        jobledger.first_job_id(first), jobledger.first_job_id((first + interval '1 month')::date));
    RETURN true;
END
$$;

-- Last month too, for ids made by a clock that lags at the turn of a month.
CREATE FUNCTION jobledger.make_partitions_ahead(months integer DEFAULT 3) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*) FILTER (WHERE jobledger.make_partition(
        (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => step))::date))::integer
    FROM generate_series(-1, months) AS step
$$;

SELECT jobledger.make_partitions_ahead(3);
