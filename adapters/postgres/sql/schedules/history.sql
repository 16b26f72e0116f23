-- Each event is a stream of its own; their places say which, and in which order.
SELECT p.version, e.type, e.facts, e.payload, e.actor_kind, e.actor_id, e.recorded_at
FROM jobledger.schedule_events AS p
JOIN jobledger.job_events AS e ON e.job_id = p.stream_id AND e.version = 1
WHERE p.schedule_id = %(id)s::uuid
ORDER BY p.version
LIMIT 1000
