-- A second statement, because the first cannot see a holder that committed while it waited.
SELECT i.place, j.*
FROM unnest(%(place)s::integer[], %(user_id)s::text[], %(job_type)s::text[], %(idempotency_key)s::text[],
    %(held_unique_key)s::text[]) AS i (place, user_id, job_type, idempotency_key, held_unique_key)
JOIN LATERAL (
    SELECT * FROM jobledger.jobs
    WHERE jobs.user_id = i.user_id AND jobs.idempotency_key = i.idempotency_key
    UNION ALL
    SELECT * FROM jobledger.jobs
    WHERE jobs.user_id = i.user_id AND jobs.job_type = i.job_type AND jobs.held_unique_key = i.held_unique_key
    LIMIT 1
) AS j ON true
