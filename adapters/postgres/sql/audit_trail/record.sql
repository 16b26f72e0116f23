-- A stream of one event, not projected; under an id of its own, or one that is recorded at most once.
INSERT INTO jobledger.job_events (recorded_at, job_id, command_id, version, schema_version, type, actor_kind,
    actor_id, request_id, traceparent, code_version, facts, payload, salt, commitment)
VALUES (statement_timestamp(), %(stream_id)s, %(command_id)s, 1, %(schema_version)s, %(type)s, %(actor_kind)s,
    %(actor_id)s, %(request_id)s, %(traceparent)s, %(code_version)s, %(facts)s::json, %(payload)s::json,
    %(salt)s, %(commitment)s)
ON CONFLICT DO NOTHING
