-- Each event is a stream of its own; their places say which, and in which order.
SELECT p.version, e.type, e.facts, e.payload, e.actor_kind, e.actor_id, e.recorded_at
FROM jobledger.limit_events AS p
JOIN jobledger.job_events AS e ON e.job_id = p.stream_id AND e.version = 1
WHERE p.kind = %(kind)s AND p.user_id = %(user_id)s AND p.name = %(name)s
ORDER BY p.version
LIMIT 1000
