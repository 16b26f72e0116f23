-- By the index on xid: nothing of this month that the snapshot did not see yet; and, where there is a ledger,
-- nothing that its last tick did not see.
SELECT NOT EXISTS (
    SELECT FROM jobledger.job_events
    WHERE xid >= pg_snapshot_xmin(%(snapshot)s::pg_snapshot)
        AND NOT pg_visible_in_snapshot(xid, %(snapshot)s::pg_snapshot)
        AND job_id >= jobledger.first_job_id(%(month)s)
        AND job_id < jobledger.first_job_id((%(month)s::date + interval '1 month')::date)
) AS is_unchanged, NOT EXISTS (
    SELECT FROM (SELECT seen FROM jobledger.ledger_ticks ORDER BY first_position DESC LIMIT 1) AS last
    JOIN jobledger.job_events AS e
        ON e.xid >= pg_snapshot_xmin(last.seen) AND NOT pg_visible_in_snapshot(e.xid, last.seen)
    WHERE e.job_id >= jobledger.first_job_id(%(month)s)
        AND e.job_id < jobledger.first_job_id((%(month)s::date + interval '1 month')::date)
) AS is_sealed
