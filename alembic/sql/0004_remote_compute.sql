-- Jobs that run on remote compute wait in a part of the outbox of their own, so that neither backlog holds up the
-- other, and in priority order until there is a place for them. Messages handed to remote compute say so in their
-- headers; the index holds only those, and nothing that changes with a lease.
ALTER TABLE jobledger.outbox ADD COLUMN is_remote boolean NOT NULL DEFAULT false;
ALTER TABLE jobledger.outbox DROP CONSTRAINT outbox_pkey;
ALTER TABLE jobledger.outbox ADD CONSTRAINT outbox_pkey PRIMARY KEY (is_remote, priority, available_at, id);

CREATE INDEX q_job_queue_remote_idx ON pgmq.q_job_queue (msg_id) WHERE headers ? 'compute';
