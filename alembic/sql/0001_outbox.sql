-- What must still reach the queue. Rows live for milliseconds (or until they are due) and are deleted, so
-- the key is the order in which the relay reads and there is no other index.
CREATE TABLE jobledger.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY,
    available_at timestamptz NOT NULL,
    job_id uuid NOT NULL,
    priority smallint NOT NULL,
    CONSTRAINT outbox_pkey PRIMARY KEY (priority, available_at, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);

-- Messages and outbox entries that can never be worked, out of everybody's way, with what is wrong with them.
CREATE TABLE jobledger.parked (
    id bigint GENERATED ALWAYS AS IDENTITY,
    parked_at timestamptz NOT NULL DEFAULT now(),
    source text NOT NULL,
    body text,
    error text NOT NULL,
    CONSTRAINT parked_pkey PRIMARY KEY (id),
    CONSTRAINT parked_source_is_known CHECK (source IN ('queue', 'outbox'))
);
