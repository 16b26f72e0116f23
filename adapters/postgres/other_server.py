"""Going on with a database that came from another server as a logical dump.

The ledger tells new events from sealed ones by the numbers of transactions (`sql/ledger/seal.sql`), and a
dump carries those of the server that it was made on. A server that is behind them spends numbers until it is
ahead, some 300,000 a second; then everything goes on as if it had been there all the time.
"""

import psycopg
from psycopg.rows import DictRow, dict_row

from adapters.postgres.owners_record import record
from adapters.postgres.statements import statement
from domain.audit import LedgerMoved
from domain.errors import HistoryTakenBack

AT_ONCE = 200_000
# Half of what PostgreSQL can tell apart: beyond it a server refuses writes until everything was vacuumed.
AT_MOST = 1_000_000_000
# The lock's number means nothing; it only has to be ours.
LOCK = b"SELECT pg_advisory_lock(4823760012)"


def go_on_here(url: str) -> None:
    """Bring this server's transactions to where the history's stand; nothing where they do already.

    `url` is the owner's, and direct. May be ended at any moment: the next call goes on. That it was begun is
    recorded as `LedgerMoved`. Raises HistoryTakenBack when more numbers are lacking than a server can spend.
    """
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        if not _lacking(connection):
            return
        connection.execute(LOCK)
        lacking = _lacking(connection)
        if lacking > AT_MOST:
            raise HistoryTakenBack(
                f"This server is {lacking} transactions behind the one that the dump was made on, "
                "too many to catch up with. Restore a physical backup."
            )
        _take_in(connection)
        connection.execute("SET synchronous_commit = off")
        while lacking := _lacking(connection):
            numbers = str(min(lacking, AT_ONCE))
            connection.execute("SELECT set_config('jobledger.numbers_to_spend', %s, false)", [numbers])
            connection.execute(statement("other_server/spend"))


def _take_in(connection: psycopg.Connection[DictRow]) -> None:
    """Give what was written here already, and the record of all this, a number that the ledger has not seen.

    A number of the future: it has come when the last one is spent, and until then nothing more is sealed.
    """
    number, here = _stand(connection)
    with connection.transaction():
        connection.execute("ALTER TABLE jobledger.job_events DISABLE TRIGGER job_events_are_append_only")
        record(connection, LedgerMoved(from_transaction=here, to_transaction=number))
        connection.execute(statement("other_server/take_in"), {"number": number})
        connection.execute("ALTER TABLE jobledger.job_events ENABLE TRIGGER job_events_are_append_only")


def _lacking(connection: psycopg.Connection[DictRow]) -> int:
    """How many numbers this server has to spend."""
    expected, here = _stand(connection)
    return max(expected - here, 0)


def _stand(connection: psycopg.Connection[DictRow]) -> tuple[int, int]:
    (row,) = connection.execute(statement("other_server/stand")).fetchall()
    return row["expected"] or 0, row["here"]
