-- Before anything is counted, so that the next statement's snapshot has what the dispatcher before let go: in one
-- statement the snapshot is older than the lock. Who is not in turn comes again; a call for one job needs none.
SELECT EXISTS (SELECT FROM jobledger.limits WHERE is_active) AS is_limited,
    CASE WHEN %(only)s::uuid IS NULL THEN pg_try_advisory_xact_lock(4823760014) ELSE true END AS is_in_turn
