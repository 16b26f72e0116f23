-- One round trip for all that operators watch and no projection holds. Each part reads an index's end, a table that
-- is kept shallow, or the server's own statistics: nothing here grows with the number of jobs.
SELECT statement_timestamp() AS read_at, EXISTS (SELECT FROM jobledger.limits WHERE is_active) AS is_limited, (
    SELECT min(vt) FROM (SELECT vt FROM pgmq.q_job_queue LIMIT 20000) AS messages WHERE vt <= statement_timestamp()
) AS oldest_message_at, (
    SELECT count(*)::integer FROM generate_series(0, 9) AS p (priority) CROSS JOIN LATERAL (
        SELECT FROM jobledger.outbox AS o WHERE NOT o.is_remote AND o.priority = p.priority
            AND o.available_at <= statement_timestamp()
        ORDER BY o.is_remote, o.priority, o.available_at, o.id LIMIT 10000) AS due
) AS due, (
    SELECT count(*)::integer FROM generate_series(0, 9) AS p (priority) CROSS JOIN LATERAL (
        SELECT FROM jobledger.outbox AS o WHERE o.is_remote AND o.priority = p.priority
            AND o.available_at <= statement_timestamp()
        ORDER BY o.is_remote, o.priority, o.available_at, o.id LIMIT 10000) AS due
) AS due_remote, (
    SELECT recorded_at FROM jobledger.job_events
    WHERE xid >= (SELECT pg_snapshot_xmax(seen) FROM jobledger.statistics_cursor) ORDER BY xid LIMIT 1
) AS oldest_uncounted_at, (
    SELECT recorded_at FROM jobledger.job_events WHERE xid >= coalesce((
        SELECT pg_snapshot_xmax(seen) FROM jobledger.ledger_ticks ORDER BY first_position DESC LIMIT 1), '0')
    ORDER BY xid LIMIT 1
) AS oldest_unsealed_at, coalesce((
    SELECT last_position FROM jobledger.ledger_ticks ORDER BY first_position DESC LIMIT 1), 0
) AS ledger_size, coalesce((
    SELECT t.first_position - 1 + c.size FROM jobledger.ledger_trees AS t
    JOIN jobledger.ledger_checkpoints AS c ON c.tree = t.number ORDER BY t.number DESC, c.size DESC LIMIT 1), 0
) AS signed_size, (
    SELECT swept_at FROM jobledger.recovery_sweeps ORDER BY swept_at DESC LIMIT 1
) AS last_sweep_at, (
    SELECT count(*)::integer FROM (SELECT FROM jobledger.parked LIMIT 10000) AS parked
) AS parked, (
    SELECT count(*)::integer FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'jobledger.job_events'::regclass
        AND relname > 'job_events_' || to_char(statement_timestamp() AT TIME ZONE 'UTC', 'YYYY_MM')
) AS months_ahead, (
    SELECT coalesce(json_object_agg(relname, n_dead_tup), '{}') FROM pg_stat_user_tables
    WHERE (schemaname = 'jobledger' AND relname NOT LIKE 'job\_events%%') OR relid = 'pgmq.q_job_queue'::regclass
) AS dead_rows, (
    SELECT min(xact_start) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
) AS oldest_transaction_at
