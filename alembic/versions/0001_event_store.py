"""The event store, the read model, the outbox and the queue, in their final form.

Raw SQL from `alembic/sql/`, run through the driver, because the texts hold percent signs and colons.
"""

from pathlib import Path

from alembic import op
from pgmq.install import get_embedded_install_sql

revision = "0001"
down_revision = None

SQL = Path(__file__).parent.parent / "sql"
STEPS = ("roles", "job_events", "jobs", "outbox", "job_queue", "grants")


def _run(script: str) -> None:
    op.get_bind().connection.driver_connection.execute(script)


def upgrade() -> None:
    for step in STEPS:
        if step == "job_queue":
            _install_pgmq()
        _run((SQL / f"0001_{step}.sql").read_text())


def downgrade() -> None:
    _run((SQL / "0001_downgrade.sql").read_text())


def _install_pgmq() -> None:
    connection = op.get_bind().connection.driver_connection
    if connection.execute("SELECT to_regprocedure('pgmq.create(text)')").fetchone()[0]:
        return
    offered = "SELECT 1 FROM pg_available_extensions WHERE name = 'pgmq'"
    if connection.execute(offered).fetchone():
        connection.execute("CREATE EXTENSION pgmq")
    else:
        connection.execute(get_embedded_install_sql())
