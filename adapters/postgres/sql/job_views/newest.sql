-- Keyset by id, which is time order; each filter is absent when its parameter is null.
SELECT * FROM jobledger.jobs
WHERE (%(user_id)s::text IS NULL OR user_id = %(user_id)s)
    AND (%(before)s::uuid IS NULL OR id < %(before)s)
    AND (%(status)s::text IS NULL OR status = %(status)s)
    AND (%(job_type)s::text IS NULL OR job_type = %(job_type)s)
    AND (%(tag)s::text IS NULL OR tags @> ARRAY[%(tag)s::text])
ORDER BY id DESC
LIMIT %(limit)s OFFSET %(offset)s
