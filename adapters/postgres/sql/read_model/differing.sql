-- Within a bucket that differs, row by row.
SELECT coalesce(l.id, b.id)::text AS job_id
FROM (SELECT * FROM jobledger.jobs WHERE id > %(after)s::uuid AND id <= %(last)s::uuid) AS l
FULL JOIN (SELECT * FROM jobledger.jobs_beside WHERE id > %(after)s::uuid AND id <= %(last)s::uuid) AS b USING (id)
WHERE l::text IS DISTINCT FROM b::text
