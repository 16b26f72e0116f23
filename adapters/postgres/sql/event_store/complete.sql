-- How nearly every attempt ends: what project makes of a JobCompleted is little and always the same, and a
-- contract test holds this statement to it. The payload is written twice and sent once. Rows are updated in the
-- order of their places, so that overlapping batches meet in one order without being locked beforehand.
WITH input AS MATERIALIZED (
    SELECT * FROM unnest(
        %(job_id)s::uuid[], %(expected)s::integer[], %(settles)s::bigint[], %(command_id)s::uuid[],
        %(actor_id)s::text[], %(payload)s::text[], %(salt)s::text[], %(commitment)s::text[]
    ) AS t (job_id, expected, settles, command_id, actor_id, payload, salt, commitment)
), gated AS (
    UPDATE jobledger.jobs AS j SET
        updated_at = greatest(statement_timestamp(), j.updated_at),
        finished_at = greatest(statement_timestamp(), j.updated_at),
        version = j.version + 1,
        status = 'completed',
        is_rare = NULL,
        held_unique_key = NULL,
        lease_worker_id = NULL,
        lease_msg_id = NULL,
        lease_read_ct = NULL,
        outcome = i.payload::json,
        error_info = NULL
    FROM input AS i
    WHERE j.ctid = ANY (ARRAY(SELECT ctid FROM jobledger.jobs WHERE id = ANY (%(job_id)s::uuid[])))
        AND j.id = i.job_id AND j.version = i.expected
    RETURNING i.*, j.updated_at AS recorded_at, j.version, j.attempt, j.traceparent, j.outcome
), recorded AS (
    INSERT INTO jobledger.job_events (recorded_at, job_id, command_id, version, schema_version, type,
        actor_kind, actor_id, traceparent, code_version, facts, payload, salt, commitment)
    SELECT recorded_at, job_id, command_id, version, %(schema_version)s, 'JobCompleted', 'worker', actor_id,
        traceparent, %(code_version)s, ('{"attempt":' || attempt || '}')::json, outcome, decode(salt, 'hex'),
        decode(commitment, 'hex')
    FROM gated
), settled AS (
    DELETE FROM pgmq.q_job_queue AS q USING gated AS g WHERE q.msg_id = g.settles
)
SELECT job_id, recorded_at FROM gated
