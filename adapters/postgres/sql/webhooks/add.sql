-- A row an endpoint; there are a few a user.
INSERT INTO jobledger.webhook_endpoints (id, user_id, url, event_types, description, secret, previous_secret,
    previous_until, after_position, status, disabled_because, created_at, version)
VALUES (%(id)s, %(user_id)s, %(url)s, %(event_types)s::text[], %(description)s, %(secret)s, %(previous_secret)s,
    %(previous_until)s, %(after_position)s, %(status)s, %(disabled_because)s, %(created_at)s, %(version)s)
