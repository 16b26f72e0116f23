-- What was written here before: the last tick takes it for sealed by its number, though it is younger.
UPDATE jobledger.job_events AS e
SET xid = %(number)s::text::xid8
FROM (SELECT seen, sealed_at FROM jobledger.ledger_ticks ORDER BY first_position DESC LIMIT 1) AS last
WHERE pg_visible_in_snapshot(e.xid, last.seen) AND e.xid < pg_snapshot_xmax(last.seen) AND e.recorded_at > last.sealed_at
