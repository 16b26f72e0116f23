-- The partitions that are attached, by their names; a month's jobs are those whose ids lie in its range.
SELECT m.month, jobs.jobs, jobs.unended, (
        SELECT count(*) FROM jobledger.job_events WHERE job_id >= m.low AND job_id < m.high
    ) AS events
FROM (
    SELECT month, jobledger.first_job_id(month) AS low,
        jobledger.first_job_id((month + interval '1 month')::date) AS high
    FROM pg_inherits AS i
    JOIN pg_class AS c ON c.oid = i.inhrelid
    CROSS JOIN LATERAL (SELECT to_date(substring(c.relname FROM '\d{4}_\d{2}$'), 'YYYY_MM') AS month) AS named
    WHERE i.inhparent = 'jobledger.job_events'::regclass
) AS m
CROSS JOIN LATERAL (
    SELECT count(*) AS jobs, count(*) FILTER (WHERE finished_at IS NULL) AS unended
    FROM jobledger.jobs WHERE id >= m.low AND id < m.high
) AS jobs
WHERE m.month < %(before)s
ORDER BY m.month
