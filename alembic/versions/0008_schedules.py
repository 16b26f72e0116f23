"""Schedules: what submits which job again and again."""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"

SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute((SQL / "0008_schedules.sql").read_text())


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(
        "DROP TABLE jobledger.schedules, jobledger.schedule_events"
    )
