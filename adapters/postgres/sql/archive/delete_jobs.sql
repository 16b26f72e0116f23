-- Every change of a job holds its row: what is under way commits before this goes on, and nothing begins after.
WITH gone AS (
    DELETE FROM jobledger.jobs
    WHERE id >= jobledger.first_job_id(%(month)s)
        AND id < jobledger.first_job_id((%(month)s::date + interval '1 month')::date)
    RETURNING finished_at
)
SELECT count(*) AS jobs, count(*) FILTER (WHERE finished_at IS NULL) AS unended FROM gone
