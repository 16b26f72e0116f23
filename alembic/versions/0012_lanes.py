"""Shares with their room, for who chooses and who looks after it; entries in the order of the index."""

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"

SQL = Path(__file__).parent.parent / "sql"


def _run(script: str) -> None:
    op.get_bind().connection.driver_connection.execute(script)


def upgrade() -> None:
    _run((SQL / "0012_lanes.sql").read_text())


def downgrade() -> None:
    limits = (SQL / "0010_limits.sql").read_text()
    begin = limits.index("CREATE FUNCTION jobledger.choose_entries")
    before = limits[begin : limits.index("$$;", begin) + len("$$;")]
    _run(
        f"DROP FUNCTION jobledger.lanes(boolean, bigint); {before.replace('CREATE', 'CREATE OR REPLACE', 1)}"
    )
