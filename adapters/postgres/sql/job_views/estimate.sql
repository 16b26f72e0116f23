-- What the planner expects, by its statistics: nothing is read.
EXPLAIN (FORMAT json) SELECT FROM jobledger.jobs
WHERE id < %(before)s::uuid AND id >= %(oldest)s::uuid
    AND (%(user_id)s::text IS NULL OR user_id = %(user_id)s)
    AND (%(statuses)s::text[] IS NULL OR status = ANY (%(statuses)s))
    AND (%(job_type)s::text IS NULL OR job_type = %(job_type)s)
    AND (%(tag)s::text IS NULL OR tags @> ARRAY[%(tag)s::text])
    AND (%(created_after)s::timestamptz IS NULL OR created_at >= %(created_after)s)
    AND (%(created_before)s::timestamptz IS NULL OR created_at < %(created_before)s)
