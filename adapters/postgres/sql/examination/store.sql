-- From the catalogue alone, which anybody may read: it must tell the truth about a schema that was never made,
-- and to a role that may do nothing.
WITH ours AS MATERIALIZED (
    SELECT c.oid, c.relname, c.relowner, n.nspname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('jobledger', 'pgmq')
), months AS MATERIALIZED (
    SELECT part.relname FROM pg_inherits JOIN ours AS part ON part.oid = inhrelid
    JOIN ours AS whole ON whole.oid = inhparent AND whole.relname = 'job_events'
), this AS (
    SELECT 'job_events_' || to_char(statement_timestamp() AT TIME ZONE 'UTC', 'YYYY_MM') AS month
)
SELECT current_setting('server_version_num')::integer AS server_version, current_user::text AS role,
    coalesce((SELECT pg_has_role(relowner, 'USAGE') FROM ours WHERE relname = 'job_events'), false) AS role_is_owner,
    pg_backend_pid() AS pid,
    EXISTS (SELECT FROM ours WHERE nspname = 'jobledger' AND relname = 'alembic_version') AS has_schema,
    EXISTS (SELECT FROM months, this WHERE relname = month) AS has_this_month,
    (SELECT count(*)::integer FROM months, this WHERE relname > month) AS months_ahead,
    (SELECT extversion FROM pg_extension WHERE extname = 'pgmq') AS queue_version,
    EXISTS (SELECT FROM ours WHERE nspname = 'pgmq' AND relname = 'q_job_queue') AS has_queue,
    ARRAY(
        SELECT privilege || ' on ' || nspname || '.' || relname
        FROM (VALUES ('jobledger', 'alembic_version', '{SELECT}'::text[]), ('jobledger', 'job_events', '{SELECT,INSERT}'),
            ('jobledger', 'jobs', '{SELECT,INSERT,UPDATE}'), ('jobledger', 'outbox', '{SELECT,INSERT,UPDATE,DELETE}'),
            ('jobledger', 'parked', '{SELECT,INSERT}'), ('jobledger', 'job_counts', '{SELECT,INSERT,UPDATE,DELETE}'),
            ('jobledger', 'job_rates', '{SELECT,INSERT,UPDATE,DELETE}'),
            ('jobledger', 'statistics_cursor', '{SELECT,UPDATE}'),
            ('jobledger', 'workers', '{SELECT,INSERT,UPDATE,DELETE}'), ('jobledger', 'ledger_ticks', '{SELECT,INSERT}'),
            ('jobledger', 'ledger_checkpoints', '{SELECT,INSERT}'),
            ('pgmq', 'q_job_queue', '{SELECT,INSERT,UPDATE,DELETE}')) AS needed (nspname, relname, privileges)
        JOIN ours USING (nspname, relname)
        CROSS JOIN LATERAL unnest(privileges) AS privilege
        WHERE NOT (has_table_privilege(ours.oid, privilege) AND has_schema_privilege(nspname, 'USAGE'))
    ) AS missing_grants
