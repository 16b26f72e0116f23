"""Living workers: what each process serves, and until when it counts as alive."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"

SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute((SQL / "0003_workers.sql").read_text())


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute("DROP TABLE jobledger.workers")
