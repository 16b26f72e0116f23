"""Jobs that may have brought a process down wait apart from the others."""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"

SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute((SQL / "0009_isolation.sql").read_text())


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute("DROP INDEX pgmq.q_job_queue_isolated_idx")
