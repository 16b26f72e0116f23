-- Kept beside the events, where a sweep could be found only by reading all of them.
SELECT swept_at, actor_kind, actor_id, facts FROM jobledger.recovery_sweeps
ORDER BY swept_at DESC LIMIT %(limit)s
