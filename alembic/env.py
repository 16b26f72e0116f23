"""Runs the migrations in one transaction, under a lock, so that ten replicas may start at once."""

from alembic import context
from sqlalchemy import create_engine, pool, text

# The lock's number means nothing; it only has to be ours. Held until the transaction ends.
LOCK = "SELECT pg_advisory_xact_lock(4823760011)"


def run() -> None:
    engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    with engine.connect() as connection, connection.begin():
        connection.execute(text(LOCK))
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS jobledger"))
        context.configure(connection=connection, version_table_schema="jobledger")
        context.run_migrations()


run()
