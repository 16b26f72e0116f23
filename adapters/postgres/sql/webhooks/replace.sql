-- Gated by the version, so that two who change it at once do not undo each other.
UPDATE jobledger.webhook_endpoints SET url = %(url)s, event_types = %(event_types)s::text[],
    description = %(description)s, secret = %(secret)s, previous_secret = %(previous_secret)s,
    previous_until = %(previous_until)s, status = %(status)s, disabled_because = %(disabled_because)s,
    version = version + 1
WHERE id = %(id)s::uuid AND version = %(version)s
RETURNING id
