-- Along an index that holds only what limits anything.
SELECT * FROM jobledger.limits WHERE is_active ORDER BY kind, user_id, name LIMIT 1000
