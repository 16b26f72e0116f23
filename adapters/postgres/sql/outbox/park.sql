-- Out of everybody's way, kept with its error; by the whole key, because the id alone has no index.
WITH gone AS (
    DELETE FROM jobledger.outbox
    WHERE NOT is_remote AND priority = %(priority)s AND available_at = %(available_at)s AND id = %(id)s
    RETURNING job_id
)
INSERT INTO jobledger.parked (source, body, error) SELECT 'outbox', job_id::text, %(error)s FROM gone
