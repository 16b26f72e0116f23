-- A tick: what this snapshot sees and the last tick's did not, in the order of ids, at the next positions. Commits
-- become visible out of the order of ids and of transactions, so neither can be a cursor; of what was under way at
-- the last tick only its transactions' names are looked up, so that a writer that stays open costs nothing. An
-- event that this transaction itself wrote comes first. Nothing new writes nothing.
-- A backlog is cut at a transaction. One before the cut that drew an id later than one behind it may have written
-- the successor of an event that is cut off, and is left for the next tick, as if it were still under way.
WITH last AS MATERIALIZED (
    SELECT coalesce(t.last_position, 0) AS position, coalesce(t.seen, '1:1:') AS seen,
        pg_snapshot_xmax(coalesce(t.seen, '1:1:')) AS ahead, t.sealed_at
    FROM (VALUES (1)) AS always
    LEFT JOIN (SELECT last_position, seen, sealed_at FROM jobledger.ledger_ticks ORDER BY first_position DESC LIMIT 1) AS t
        ON true
), now AS MATERIALIZED (
    SELECT pg_current_snapshot() AS seen, pg_snapshot_xmax(pg_current_snapshot()) AS ahead,
        pg_current_xact_id_if_assigned() AS own
), cut AS MATERIALIZED (
    SELECT (xid::text::bigint + 1)::text::xid8 AS at FROM jobledger.job_events
    WHERE xid >= (SELECT ahead FROM last) AND xid < (SELECT ahead FROM now)
    ORDER BY xid OFFSET %(limit)s LIMIT 1
), behind AS MATERIALIZED (
    SELECT min(id) AS first_id FROM jobledger.job_events
    WHERE xid >= (SELECT at FROM cut) AND xid < (SELECT ahead FROM now)
), before AS MATERIALIZED (
    SELECT xid, max(id) AS last_id FROM (
        SELECT xid, id FROM jobledger.job_events
        WHERE xid >= (SELECT ahead FROM last) AND xid < (SELECT at FROM cut)
        UNION ALL
        SELECT xid, id FROM jobledger.job_events
        WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(seen) FROM last)) AND EXISTS (SELECT FROM cut)
    ) AS written
    GROUP BY xid
), under_way AS MATERIALIZED (
    SELECT xid FROM (SELECT pg_snapshot_xip(seen) AS xid FROM now) AS open
    WHERE xid IS DISTINCT FROM (SELECT own FROM now)
    UNION
    SELECT xid FROM before WHERE last_id > (SELECT first_id FROM behind)
    UNION
    SELECT number::text::xid8 FROM now, generate_series(now.ahead::text::bigint, now.own::text::bigint - 1) AS number
), upto AS MATERIALIZED (
    SELECT CASE
        WHEN EXISTS (SELECT FROM before WHERE (last_id > (SELECT first_id FROM behind)) IS NOT TRUE) THEN (
            SELECT coalesce(min(xid), at)::text || ':' || at::text || ':'
                || coalesce(string_agg(xid::text, ',' ORDER BY xid), '')
            FROM cut LEFT JOIN under_way ON xid < at GROUP BY at)::pg_snapshot
        WHEN (SELECT own FROM now) IS NOT NULL THEN (
            SELECT coalesce(min(xid), edge)::text || ':' || edge::text || ':'
                || coalesce(string_agg(xid::text, ',' ORDER BY xid), '')
            FROM (SELECT greatest(ahead, (own::text::bigint + 1)::text::xid8) AS edge FROM now) AS edges
            LEFT JOIN under_way ON xid < edge GROUP BY edge)::pg_snapshot
        ELSE (SELECT seen FROM now)
    END AS seen
), new AS (
    SELECT xid, id, job_id, version, type, schema_version, recorded_at, actor_kind, actor_id, request_id,
        command_id, traceparent, code_version, facts, commitment
    FROM jobledger.job_events
    WHERE xid >= (SELECT ahead FROM last) AND xid < (SELECT pg_snapshot_xmax(seen) FROM upto)
        AND pg_visible_in_snapshot(xid, (SELECT seen FROM upto))
    UNION ALL
    SELECT xid, id, job_id, version, type, schema_version, recorded_at, actor_kind, actor_id, request_id,
        command_id, traceparent, code_version, facts, commitment
    FROM jobledger.job_events
    WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(seen) FROM last))
        AND pg_visible_in_snapshot(xid, (SELECT seen FROM upto))
), hashed AS (
    -- Byte for byte what domain/ledger/leaves.py makes of an envelope; here, because sending every event to the
    -- sealer would cost more than hashing it.
    SELECT job_id, version, recorded_at, sha256('\x00'::bytea || convert_to(
        '{"actor":{"id":' || to_json(actor_id) || ',"kind":' || to_json(actor_kind)
        || '},"code_version":' || to_json(code_version) || ',"command_id":"' || command_id || '","commitment":'
        || coalesce('"' || encode(commitment, 'hex') || '"', 'null') || ',"facts":' || facts || ',"job_id":"' || job_id
        || '","recorded_at":"' || to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        || '","request_id":' || coalesce(to_json(request_id)::text, 'null')
        || ',"schema_version":' || schema_version
        || ',"traceparent":' || coalesce(to_json(traceparent)::text, 'null')
        || ',"type":' || to_json(type) || ',"version":' || version || '}', 'UTF8')) AS hash
    FROM new
    ORDER BY xid IS DISTINCT FROM (SELECT own FROM now), id
)
INSERT INTO jobledger.ledger_ticks (first_position, last_position, sealed_at, seen, job_ids, versions, hashes)
SELECT last.position + 1, last.position + events, greatest(statement_timestamp(), last.sealed_at, newest), upto.seen,
    job_ids, versions, hashes
FROM last, upto, (
    SELECT count(*) AS events, max(recorded_at) AS newest, array_agg(job_id) AS job_ids,
        array_agg(version) AS versions, string_agg(hash, ''::bytea) AS hashes
    FROM hashed
) AS tick
WHERE events > 0
ON CONFLICT (first_position) DO NOTHING
RETURNING first_position, hashes
