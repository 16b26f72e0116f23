-- The next transaction's number on this server, and the one that all that was written here before expects at least.
SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS here, greatest(
    (SELECT pg_snapshot_xmax(seen) FROM jobledger.ledger_ticks ORDER BY first_position DESC LIMIT 1)::text::bigint,
    (SELECT pg_snapshot_xmax(seen) FROM jobledger.statistics_cursor)::text::bigint,
    (SELECT xid FROM jobledger.job_events ORDER BY xid DESC LIMIT 1)::text::bigint + 1
) AS expected
