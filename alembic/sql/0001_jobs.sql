-- The read model, written in the transaction of the events it is projected from. What seldom changes stands
-- first, so that an update's WAL record holds only the tail; no index covers what changes, so that updates
-- stay HOT, for which the low fillfactor leaves room.
CREATE TABLE jobledger.jobs (
    id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    run_at timestamptz,
    priority smallint NOT NULL,
    user_id text NOT NULL,
    job_type text NOT NULL,
    idempotency_key text,
    fingerprint text,
    tags text[] NOT NULL,
    traceparent text,
    job_parameters json,
    details json NOT NULL,
    updated_at timestamptz NOT NULL,
    due_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    version integer NOT NULL,
    attempt integer NOT NULL,
    status text NOT NULL,
    held_unique_key text,
    lease_worker_id text,
    lease_msg_id bigint,
    lease_read_ct integer,
    progress json,
    outcome json,
    error_info json,
    CONSTRAINT jobs_pkey PRIMARY KEY (id),
    CONSTRAINT jobs_priority_is_a_digit CHECK (priority BETWEEN 0 AND 9),
    CONSTRAINT jobs_status_is_known CHECK (status IN ('scheduled', 'pending', 'processing', 'cancelling',
        'retrying', 'completed', 'failed', 'cancelled')),
    CONSTRAINT jobs_finished_when_ended CHECK
        ((finished_at IS NOT NULL) = (status IN ('completed', 'failed', 'cancelled'))),
    CONSTRAINT jobs_lease_when_running CHECK
        ((lease_msg_id IS NOT NULL) = (status IN ('processing', 'cancelling'))),
    CONSTRAINT jobs_due_when_waiting CHECK
        ((due_at IS NOT NULL) = (status IN ('scheduled', 'pending', 'retrying')))
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);

COMMENT ON COLUMN jobledger.jobs.details IS
    'What is read with the job but never searched by, and seldom changes: budgets and what is spent of them.';
COMMENT ON COLUMN jobledger.jobs.outcome IS 'Result and references: the payload of the JobCompleted.';

CREATE INDEX jobs_by_user_idx ON jobledger.jobs (user_id, id DESC);
CREATE UNIQUE INDEX jobs_idempotency_key_idx ON jobledger.jobs (user_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE UNIQUE INDEX jobs_held_unique_key_idx ON jobledger.jobs (user_id, job_type, held_unique_key)
    WHERE held_unique_key IS NOT NULL;
