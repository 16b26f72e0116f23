-- Only from where it was seen: of several relays that submitted the same occurrences, one moves it on.
UPDATE jobledger.schedules SET next_at = %(next_at)s, last_job_id = %(last_job_id)s::uuid
WHERE id = %(id)s::uuid AND version = %(version)s AND next_at = %(was_next_at)s
RETURNING id
