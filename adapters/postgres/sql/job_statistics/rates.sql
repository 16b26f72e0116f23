-- The key begins with minute and user, so this reads what it answers and nothing else.
SELECT minute, job_type, event_type, bucket, events FROM jobledger.job_rates
WHERE minute >= %(since)s AND user_id = %(user_id)s
ORDER BY minute
