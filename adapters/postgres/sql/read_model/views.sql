-- The same range of ids as the events, and in the same snapshot.
SELECT * FROM jobledger.jobs
WHERE id > %(after)s::uuid AND id <= %(through)s::uuid
ORDER BY id
LIMIT %(limit)s
