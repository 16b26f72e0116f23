"""Jobs in rare states are found by indexes, which cost the others nothing."""

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"

SQL = Path(__file__).parent.parent / "sql"


def _run(script: str) -> None:
    op.get_bind().connection.driver_connection.execute(script)


def upgrade() -> None:
    _run((SQL / "0011_rare_states.sql").read_text())


def downgrade() -> None:
    _run(
        "ALTER TABLE jobledger.jobs DROP COLUMN is_rare; DROP INDEX jobledger.jobs_by_user_idx; "
        "CREATE INDEX jobs_by_user_idx ON jobledger.jobs (user_id, id DESC)"
    )
