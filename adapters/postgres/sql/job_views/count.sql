-- Reads every job that it counts: only on request.
SELECT count(*) AS jobs FROM jobledger.jobs
WHERE id < %(before)s::uuid AND id >= %(oldest)s::uuid
    AND (%(statuses)s::text[] IS NULL OR status = ANY (%(statuses)s))
    AND (%(job_type)s::text IS NULL OR job_type = %(job_type)s)
    AND (%(tag)s::text IS NULL OR tags @> ARRAY[%(tag)s::text])
    AND (%(created_after)s::timestamptz IS NULL OR created_at >= %(created_after)s)
    AND (%(created_before)s::timestamptz IS NULL OR created_at < %(created_before)s)
