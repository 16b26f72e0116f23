-- The key begins with minute and user, so this reads what it sums up and nothing else.
SELECT date_bin(%(step)s::interval, minute, 'epoch') AS minute, job_type, event_type, bucket,
    sum(events)::bigint AS events
FROM jobledger.job_rates
WHERE minute >= %(since)s AND user_id = %(user_id)s
GROUP BY 1, 2, 3, 4
ORDER BY 1
