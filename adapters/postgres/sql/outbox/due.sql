-- What a batch that could not be sent may have held, to be tried one by one.
SELECT entry.id, entry.job_id, entry.priority, entry.available_at
FROM generate_series(9, 0, -1) AS p (priority)
CROSS JOIN LATERAL (
    SELECT * FROM jobledger.outbox AS o
    WHERE NOT o.is_remote AND o.priority = p.priority AND o.available_at <= statement_timestamp()
    ORDER BY o.available_at, o.id
    LIMIT %(limit)s
) AS entry
LIMIT %(limit)s
