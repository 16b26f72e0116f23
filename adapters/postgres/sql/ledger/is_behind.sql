-- The two lookups of seal.sql, of which only whether there is a first row matters, and whether all of what was sealed
-- is signed: for who asks now and then, and records that it works only where there is work.
WITH last AS MATERIALIZED (
    SELECT coalesce(t.last_position, 0) AS position, coalesce(t.seen, '1:1:') AS seen
    FROM (VALUES (1)) AS always
    LEFT JOIN (SELECT last_position, seen FROM jobledger.ledger_ticks ORDER BY first_position DESC LIMIT 1) AS t ON true
)
SELECT (
    SELECT xid FROM jobledger.job_events WHERE xid >= (SELECT pg_snapshot_xmax(seen) FROM last) ORDER BY xid LIMIT 1
) IS NOT NULL OR (
    SELECT xid FROM jobledger.job_events WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(seen) FROM last)) LIMIT 1
) IS NOT NULL OR position > coalesce((
    SELECT t.first_position - 1 + c.size FROM jobledger.ledger_trees AS t
    JOIN jobledger.ledger_checkpoints AS c ON c.tree = t.number ORDER BY t.number DESC, c.size DESC LIMIT 1
), 0) AS is_behind
FROM last
