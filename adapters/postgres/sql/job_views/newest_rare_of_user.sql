-- As `newest_of_user`, along the index of the user's jobs in states that few are in.
WITH found AS MATERIALIZED (
    SELECT * FROM (
        SELECT * FROM jobledger.jobs
        WHERE (user_id, id) < (%(user_id)s, %(before)s::uuid) AND (user_id, id) >= (%(user_id)s, %(oldest)s::uuid) AND is_rare
        ORDER BY user_id DESC, id DESC
        LIMIT %(look)s::bigint
    ) AS looked
    WHERE (%(statuses)s::text[] IS NULL OR status = ANY (%(statuses)s))
        AND (%(job_type)s::text IS NULL OR job_type = %(job_type)s)
        AND (%(tag)s::text IS NULL OR tags @> ARRAY[%(tag)s::text])
        AND (%(created_after)s::timestamptz IS NULL OR created_at >= %(created_after)s)
        AND (%(created_before)s::timestamptz IS NULL OR created_at < %(created_before)s)
    ORDER BY user_id DESC, id DESC
    LIMIT %(limit)s OFFSET %(offset)s
)
SELECT found.*, rest.looked_to
FROM (
    SELECT CASE WHEN %(look)s::bigint IS NOT NULL AND (SELECT count(*) FROM found) < %(limit)s THEN (
        SELECT id FROM jobledger.jobs
        WHERE (user_id, id) < (%(user_id)s, %(before)s::uuid) AND (user_id, id) >= (%(user_id)s, %(oldest)s::uuid) AND is_rare
        ORDER BY user_id DESC, id DESC
        LIMIT 1 OFFSET %(look)s::bigint - 1
    ) END AS looked_to
) AS rest
LEFT JOIN found ON true
ORDER BY found.id DESC
