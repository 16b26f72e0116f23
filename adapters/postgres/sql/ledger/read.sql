-- Positions above `after` and up to `through`, each with its event, found by the events' own key: one lookup an
-- event, whatever the planner thinks of the arrays. Ticks are found by where they begin.
WITH places AS MATERIALIZED (
    SELECT t.first_position + span.low - 2 + p.n AS position, p.job_id, p.version,
        substring(t.hashes FROM 32 * (span.low + p.n::integer - 2) + 1 FOR 32) AS leaf_hash
    FROM jobledger.ledger_ticks AS t
    CROSS JOIN LATERAL (
        SELECT greatest(%(after)s + 2 - t.first_position, 1)::integer AS low,
            (least(%(through)s, t.last_position) - t.first_position + 1)::integer AS high
    ) AS span
    CROSS JOIN LATERAL unnest(t.job_ids[span.low:span.high], t.versions[span.low:span.high])
        WITH ORDINALITY AS p (job_id, version, n)
    WHERE t.first_position <= %(through)s AND t.first_position >= (
        SELECT coalesce(max(first_position), 1) FROM jobledger.ledger_ticks WHERE first_position <= %(after)s + 1)
)
SELECT p.position, p.leaf_hash, e.job_id, e.version, e.type, e.schema_version,
    to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS recorded_at, e.actor_kind, e.actor_id,
    e.request_id, e.command_id::text, e.traceparent, e.code_version, e.facts::text, e.payload::text, e.salt, e.commitment
FROM places AS p
CROSS JOIN LATERAL (
    SELECT * FROM jobledger.job_events WHERE job_id = p.job_id AND version = p.version LIMIT 1
) AS e
WHERE (%(type)s::text IS NULL OR e.type = %(type)s)
    AND (%(actor_id)s::text IS NULL OR e.actor_id = %(actor_id)s)
    AND (%(since)s::timestamptz IS NULL OR e.recorded_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR e.recorded_at < %(until)s)
    AND (%(user_id)s::text IS NULL OR %(user_id)s = (
        SELECT facts ->> 'user_id' FROM jobledger.job_events WHERE job_id = p.job_id AND version = 1))
ORDER BY p.position
LIMIT %(limit)s
