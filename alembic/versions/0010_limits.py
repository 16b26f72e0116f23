"""Limits and fair shares: what operators set, and the entries of the outbox by whose they are."""

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"

SQL = Path(__file__).parent.parent / "sql"


def _run(script: str) -> None:
    op.get_bind().connection.driver_connection.execute(script)


def upgrade() -> None:
    _run((SQL / "0010_limits.sql").read_text())


def downgrade() -> None:
    _run(
        "DROP FUNCTION jobledger.choose_entries(boolean, bigint, interval); "
        "DROP INDEX jobledger.outbox_share_idx; ALTER TABLE jobledger.outbox DROP COLUMN share; "
        "DROP TABLE jobledger.limits, jobledger.limit_events, jobledger.limit_rates"
    )
