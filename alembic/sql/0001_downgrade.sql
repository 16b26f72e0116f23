-- Everything of ours goes, but for the roles, which other databases may use, and PGMQ, which others may too.
-- alembic_version stays: Alembic itself still writes to it.
SELECT pgmq.drop_queue('job_queue');
DROP TABLE jobledger.parked, jobledger.outbox, jobledger.jobs, jobledger.job_events;
DROP SEQUENCE jobledger.event_ids;
DROP FUNCTION jobledger.refuse_change_of_history(), jobledger.make_partitions_ahead(integer),
    jobledger.make_partition(date), jobledger.first_job_id(date);
