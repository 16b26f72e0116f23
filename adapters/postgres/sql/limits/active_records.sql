-- The event that made each active limit what it is, by its place: one look a limit, into a stream of one event.
SELECT l.kind, l.user_id, l.name, p.version, e.type, e.facts, e.payload, e.actor_kind, e.actor_id, e.recorded_at
FROM jobledger.limits AS l
JOIN jobledger.limit_events AS p USING (kind, user_id, name, version)
JOIN jobledger.job_events AS e ON e.job_id = p.stream_id AND e.version = 1
WHERE l.is_active
ORDER BY l.kind, l.user_id, l.name
LIMIT 1000
