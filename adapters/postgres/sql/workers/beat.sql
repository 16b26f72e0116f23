-- A worker that was killed leaves its row behind; whoever beats a day later takes it away.
WITH long_dead AS (
    DELETE FROM jobledger.workers
    WHERE alive_until < statement_timestamp() - interval '1 day' AND worker_id <> %(worker_id)s
)
INSERT INTO jobledger.workers (worker_id, compute, job_types, concurrency, running, started_at, beat_at, alive_until)
VALUES (%(worker_id)s, %(compute)s, %(job_types)s::text[], %(concurrency)s, %(running)s, statement_timestamp(),
    statement_timestamp(), statement_timestamp() + make_interval(secs => %(alive_for_seconds)s))
ON CONFLICT (worker_id) DO UPDATE SET job_types = excluded.job_types, concurrency = excluded.concurrency,
    running = excluded.running, beat_at = excluded.beat_at, alive_until = excluded.alive_until
