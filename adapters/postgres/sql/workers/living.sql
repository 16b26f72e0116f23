-- The table holds the workers of a day at most, so all of it is read.
SELECT * FROM jobledger.workers WHERE alive_until > statement_timestamp() ORDER BY started_at, worker_id
