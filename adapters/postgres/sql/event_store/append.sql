-- Rows are locked in id order first, so that overlapping batches wait instead of deadlocking; the version
-- gate then drops what lost, row by row. They are updated by their place: the planner would read a small
-- table whole, and a row that moved since the statement began has lost anyway. Columns are carried through
-- RETURNING: joining them back by id is a nested loop and doubles the time.
WITH input AS MATERIALIZED (
    SELECT * FROM unnest(
        %(job_id)s::uuid[], %(expected)s::integer[], %(due_at)s::timestamptz[], %(started_at)s::timestamptz[],
        %(finished_at)s::timestamptz[], %(attempt)s::integer[], %(status)s::text[], %(held_unique_key)s::text[],
        %(lease_worker_id)s::text[], %(lease_msg_id)s::bigint[], %(lease_read_ct)s::integer[],
        %(progress)s::text[], %(outcome)s::text[], %(error_info)s::text[], %(details)s::text[], %(erases)s::boolean[], %(queues)s::boolean[],
        %(withdraws)s::timestamptz[], %(settles)s::bigint[], %(command_id)s::uuid[], %(schema_version)s::smallint[],
        %(type)s::text[], %(actor_kind)s::text[], %(actor_id)s::text[], %(request_id)s::text[],
        %(traceparent)s::text[], %(facts)s::text[], %(payload)s::text[], %(salt)s::text[], %(commitment)s::text[]
    ) AS t (job_id, expected, due_at, started_at, finished_at, attempt, status, held_unique_key,
        lease_worker_id, lease_msg_id, lease_read_ct, progress, outcome, error_info, details, erases, queues, withdraws, settles,
        command_id, schema_version, type, actor_kind, actor_id, request_id, traceparent, facts, payload, salt, commitment)
), locked AS MATERIALIZED (
    SELECT ctid AS place FROM jobledger.jobs WHERE id = ANY (%(job_id)s::uuid[]) ORDER BY id FOR NO KEY UPDATE
), gated AS (
    UPDATE jobledger.jobs AS j SET
        updated_at = greatest(statement_timestamp(), j.updated_at),
        due_at = CASE i.due_at WHEN 'infinity' THEN greatest(statement_timestamp(), j.updated_at) ELSE i.due_at END,
        started_at = CASE i.started_at WHEN 'infinity'
            THEN greatest(statement_timestamp(), j.updated_at) ELSE i.started_at END,
        finished_at = CASE i.finished_at WHEN 'infinity'
            THEN greatest(statement_timestamp(), j.updated_at) ELSE i.finished_at END,
        version = j.version + 1,
        attempt = i.attempt,
        status = i.status,
        is_rare = nullif(i.status NOT IN ('pending', 'processing', 'completed'), false),
        held_unique_key = i.held_unique_key,
        lease_worker_id = i.lease_worker_id,
        lease_msg_id = i.lease_msg_id,
        lease_read_ct = i.lease_read_ct,
        progress = i.progress::json,
        outcome = i.outcome::json,
        error_info = i.error_info::json,
        details = i.details::json,
        job_parameters = CASE WHEN i.erases THEN NULL ELSE j.job_parameters END,
        idempotency_key = CASE WHEN i.erases THEN NULL ELSE j.idempotency_key END,
        fingerprint = CASE WHEN i.erases THEN NULL ELSE j.fingerprint END,
        tags = CASE WHEN i.erases THEN '{}' ELSE j.tags END
    FROM input AS i
    WHERE j.ctid = ANY (ARRAY(SELECT place FROM locked)) AND j.id = i.job_id AND j.version = i.expected
    RETURNING i.*, j.updated_at AS recorded_at, j.version, j.priority, j.due_at AS due_at_now,
        (j.job_type = ANY (%(routed_apart)s::text[])) <> %(others_are_remote)s::boolean AS is_remote, j.job_type, j.user_id
), recorded AS (
    INSERT INTO jobledger.job_events (recorded_at, job_id, command_id, version, schema_version, type,
        actor_kind, actor_id, request_id, traceparent, code_version, facts, payload, salt, commitment)
    SELECT recorded_at, job_id, command_id, version, schema_version, type, actor_kind, actor_id, request_id,
        traceparent, %(code_version)s, facts::json, payload::json, decode(salt, 'hex'), decode(commitment, 'hex')
    FROM gated
    ORDER BY job_id
), queued AS (
    INSERT INTO jobledger.outbox (available_at, job_id, priority, is_remote, share)
    SELECT due_at_now, job_id, priority, is_remote,
        CASE WHEN (SELECT EXISTS (SELECT FROM jobledger.limits WHERE is_active))
            THEN ARRAY[job_type, user_id, coalesce(details::json ->> 'group_key', '')] END
    FROM gated WHERE queues
), withdrawn AS (
    DELETE FROM jobledger.outbox AS o USING gated AS g
    WHERE g.withdraws IS NOT NULL AND o.is_remote = g.is_remote AND o.priority = g.priority
        AND o.available_at = g.withdraws AND o.job_id = g.job_id
), settled AS (
    DELETE FROM pgmq.q_job_queue AS q USING gated AS g WHERE q.msg_id = g.settles
)
SELECT job_id, recorded_at FROM gated
