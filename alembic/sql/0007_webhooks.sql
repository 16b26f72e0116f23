-- Where users' events go, and how far the feed of events was handed over. Secrets must be kept as they are: an
-- HMAC needs them. Auditors see who changed an endpoint in the events, and nothing of this table.
CREATE TABLE jobledger.webhook_endpoints (
    id uuid NOT NULL,
    user_id text NOT NULL,
    url text NOT NULL,
    event_types text[] NOT NULL,
    description text NOT NULL,
    secret bytea NOT NULL,
    previous_secret bytea,
    previous_until timestamptz,
    after_position bigint NOT NULL,
    status text NOT NULL,
    disabled_because text,
    created_at timestamptz NOT NULL,
    version integer NOT NULL,
    CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_endpoints_status_is_known CHECK (status IN ('enabled', 'disabled')),
    CONSTRAINT webhook_endpoints_previous_secret_ends CHECK
        ((previous_secret IS NULL) = (previous_until IS NULL))
);
CREATE INDEX webhook_endpoints_by_user_idx ON jobledger.webhook_endpoints (user_id, id);

CREATE TABLE jobledger.webhook_cursor (
    is_the_only_one boolean NOT NULL DEFAULT true,
    position bigint NOT NULL,
    CONSTRAINT webhook_cursor_pkey PRIMARY KEY (is_the_only_one),
    CONSTRAINT webhook_cursor_is_one_row CHECK (is_the_only_one)
) WITH (fillfactor = 50);
INSERT INTO jobledger.webhook_cursor (position) VALUES (0);

GRANT ALL ON jobledger.webhook_endpoints, jobledger.webhook_cursor TO jobledger_owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON jobledger.webhook_endpoints TO jobledger_service;
GRANT SELECT, UPDATE ON jobledger.webhook_cursor TO jobledger_service;

ALTER TABLE jobledger.webhook_endpoints ENABLE ROW LEVEL SECURITY;
ALTER TABLE jobledger.webhook_cursor ENABLE ROW LEVEL SECURITY;
CREATE POLICY jobledger_service_all ON jobledger.webhook_endpoints TO jobledger_service, jobledger_owner
    USING (true) WITH CHECK (true);
CREATE POLICY jobledger_service_all ON jobledger.webhook_cursor TO jobledger_service, jobledger_owner
    USING (true) WITH CHECK (true);
