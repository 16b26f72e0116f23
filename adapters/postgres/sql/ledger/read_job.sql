-- From a job's events to their positions: the first tick whose snapshot is beyond an event's transaction holds it,
-- unless the transaction was open then; the ticks after it are looked through in turn.
SELECT place.position, substring(place.hashes FROM 32 * place.n - 31 FOR 32) AS leaf_hash, e.job_id, e.version,
    e.type, e.schema_version,
    to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS recorded_at, e.actor_kind, e.actor_id,
    e.request_id, e.command_id::text, e.traceparent, e.code_version, e.facts::text, e.payload::text, e.salt, e.commitment
FROM jobledger.job_events AS e
CROSS JOIN LATERAL (
    SELECT t.first_position + found.n - 1 AS position, found.n, t.hashes
    FROM jobledger.ledger_ticks AS t
    CROSS JOIN LATERAL (
        SELECT n FROM unnest(array_positions(t.job_ids, e.job_id)) AS n WHERE t.versions[n] = e.version
    ) AS found
    WHERE pg_snapshot_xmax(t.seen) > e.xid
    ORDER BY pg_snapshot_xmax(t.seen), t.first_position
    LIMIT 1
) AS place
WHERE e.job_id = %(job_id)s AND place.position > %(after)s AND place.position <= %(through)s
    AND (%(type)s::text IS NULL OR e.type = %(type)s)
    AND (%(actor_id)s::text IS NULL OR e.actor_id = %(actor_id)s)
    AND (%(since)s::timestamptz IS NULL OR e.recorded_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR e.recorded_at < %(until)s)
    AND (%(user_id)s::text IS NULL OR %(user_id)s = (
        SELECT facts ->> 'user_id' FROM jobledger.job_events WHERE job_id = e.job_id AND version = 1))
ORDER BY place.position
LIMIT %(limit)s
