"""Statistics for dashboards: counts, rates and recovery sweeps, projected from events."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"

SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute((SQL / "0002_statistics.sql").read_text())


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(
        "DROP TABLE jobledger.statistics_cursor, jobledger.job_counts, jobledger.job_rates, "
        "jobledger.recovery_sweeps"
    )
