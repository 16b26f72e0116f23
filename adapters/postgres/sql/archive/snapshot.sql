-- What a month is compared with before it is taken away.
SELECT pg_current_snapshot()::text AS snapshot
