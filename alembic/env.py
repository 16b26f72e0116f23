"""Runs the migrations in one transaction, under a lock, so that ten replicas may start at once."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from adapters.postgres.owners_record import record
from domain.audit import SchemaMigrated

# The lock's number means nothing; it only has to be ours. Held until the transaction ends.
LOCK = "SELECT pg_advisory_xact_lock(4823760011)"


def run() -> None:
    engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    with engine.connect() as connection, connection.begin():
        connection.execute(text(LOCK))
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS jobledger"))
        context.configure(connection=connection, version_table_schema="jobledger")
        before = context.get_context().get_current_revision()
        context.run_migrations()
        after = context.get_context().get_current_revision()
        # The first one makes the history that the others are recorded in.
        if before and after and before != after:
            event = SchemaMigrated(from_revision=before, to_revision=after)
            record(connection.connection.driver_connection, event)


run()
