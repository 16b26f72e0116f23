"""Webhooks: endpoints by user, and how far the feed was handed over."""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"

SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute((SQL / "0007_webhooks.sql").read_text())


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(
        "DROP TABLE jobledger.webhook_endpoints, jobledger.webhook_cursor"
    )
