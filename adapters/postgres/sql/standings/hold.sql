-- What may keep one due entry in the outbox: the few limits that are its, with how much of each is taken. Where
-- nothing is limited this is one look into an empty index.
SELECT mode.is_limited, statement_timestamp() AS at, l.*, r.spent_until, (
    SELECT count(*) FROM pgmq.q_job_queue AS q
    WHERE l.kind <> 'queue' AND q.message ->> 'user_id' = %(user_id)s
        AND (l.kind = 'user' OR q.message ->> 'group_key' = %(group_key)s)
)::integer AS flying
FROM (SELECT EXISTS (SELECT FROM jobledger.limits WHERE is_active) AS is_limited) AS mode
LEFT JOIN jobledger.limits AS l ON l.is_active AND (l.kind = 'queue' AND l.name = %(queue)s
    OR l.kind = 'user' AND l.user_id IN (%(user_id)s, '*')
    OR l.kind = 'group' AND %(group_key)s <> '' AND (l.user_id = %(user_id)s AND l.name IN (%(group_key)s, '*')
        OR l.user_id = '*' AND l.name = '*'))
LEFT JOIN jobledger.limit_rates AS r ON r.kind = l.kind AND r.user_id = %(user_id)s
    AND r.name = CASE WHEN l.kind = 'group' THEN %(group_key)s ELSE '' END
