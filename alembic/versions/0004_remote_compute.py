"""A part of the outbox, and of the queue, for jobs that run on remote compute."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"

SQL = Path(__file__).parent.parent / "sql"


def _run(script: str) -> None:
    op.get_bind().connection.driver_connection.execute(script)


def upgrade() -> None:
    _run((SQL / "0004_remote_compute.sql").read_text())


def downgrade() -> None:
    _run(
        "DROP INDEX pgmq.q_job_queue_remote_idx; ALTER TABLE jobledger.outbox DROP CONSTRAINT outbox_pkey; "
        "ALTER TABLE jobledger.outbox DROP COLUMN is_remote; ALTER TABLE jobledger.outbox "
        "ADD CONSTRAINT outbox_pkey PRIMARY KEY (priority, available_at, id)"
    )
