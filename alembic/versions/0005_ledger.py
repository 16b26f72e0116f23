"""The ledger: positions, leaf hashes, the tree above them, and the checkpoints that were signed."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"

SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    op.get_bind().connection.driver_connection.execute((SQL / "0005_ledger.sql").read_text())


def downgrade() -> None:
    op.get_bind().connection.driver_connection.execute(
        "DROP TABLE jobledger.ledger_ticks, jobledger.ledger_nodes, jobledger.ledger_checkpoints, "
        "jobledger.ledger_keys, jobledger.ledger_trees; "
        "DROP FUNCTION jobledger.refuse_change_of_ledger(), jobledger.erase_payloads(uuid, integer)"
    )
