-- The jobs with events that a snapshot does not see: commits after it, and those under way when it was taken.
SELECT job_id::text
FROM (
    SELECT job_id FROM jobledger.job_events WHERE xid >= pg_snapshot_xmax(%(seen)s::pg_snapshot)
    UNION
    SELECT job_id FROM jobledger.job_events WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(%(seen)s::pg_snapshot)))
) AS moved
