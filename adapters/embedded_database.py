"""The service's database in an embedded PostgreSQL."""

from adapters.embedded_postgres import EmbeddedPostgres
from adapters.migrations import upgrade

DATABASE = "jobledger"
ROLE = "jobledger_service"


def prepare_embedded_database(server: EmbeddedPostgres) -> tuple[str, str]:
    """The owner's and the service's URL of the migrated database; blocks.

    The service connects as its own role, so that grants and policies hold here as in production.
    """
    owner_url = server.database(DATABASE)
    upgrade(owner_url)
    return owner_url, server.let_in(ROLE, database=DATABASE)
