"""Months that were archived, and how a month is detached."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"

SQL = Path(__file__).parent.parent / "sql"


def _run(script: str) -> None:
    op.get_bind().connection.driver_connection.execute(script)


def upgrade() -> None:
    _run((SQL / "0006_archive.sql").read_text())


def downgrade() -> None:
    _run(
        "DROP FUNCTION jobledger.drop_archived_month(date), jobledger.detach_month(date); "
        "DROP TABLE jobledger.archived_months"
    )
