"""Runs the Alembic migrations of this checkout.

Alembic and SQLAlchemy are imported where they are used: they take most of a second, and every process of
the service imports this module while hardly any migrates.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import conninfo

from adapters.postgres.other_server import go_on_here
from domain.errors import StorageUnavailable

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import URL

# In an installed package the folder lies in here, because at the top it would shadow the library.
PACKAGED = Path(__file__).parent / "alembic_files"
ALEMBIC = PACKAGED if PACKAGED.exists() else Path(__file__).parent.parent / "alembic"


def _config(database_url: str) -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(ALEMBIC))
    config.attributes["url"] = _sqlalchemy_url(database_url)
    return config


def _sqlalchemy_url(database_url: str) -> "URL":
    """The same database for SQLAlchemy, whose own parser does not know libpq's socket addresses."""
    from sqlalchemy.engine import make_url  # noqa: PLC0415 - see above

    parts = conninfo.conninfo_to_dict(database_url)
    return make_url("postgresql+psycopg://").set(query={key: str(value) for key, value in parts.items()})


def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring the schema to `revision`, and a database of another server on; safe to run from many processes.

    Raises HistoryTakenBack as `go_on_here` does.
    """
    from alembic import command  # noqa: PLC0415 - see above

    command.upgrade(_config(database_url), revision)
    if revision == "head":
        go_on_here(database_url)


def newest_revision() -> str:
    """The revision that this checkout's migrations lead to."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see above

    return ScriptDirectory(str(ALEMBIC)).get_current_head() or ""


def current(database_url: str) -> str | None:
    """The revision of the database's schema; None where there is none. Raises StorageUnavailable."""
    try:
        with psycopg.connect(database_url, connect_timeout=5) as connection:
            row = connection.execute("SELECT version_num FROM jobledger.alembic_version").fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return None
    except psycopg.OperationalError as error:
        raise StorageUnavailable("The database cannot be reached.") from error
    return row[0] if row else None


def revisions(directory: Path = ALEMBIC) -> dict[str, bool]:
    """The revisions of this checkout, oldest first, and whether code from before each can go on over it.

    It can, because columns and tables are only added, unless the migration says `breaks_running_code = True`.
    """
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see above

    steps = [*ScriptDirectory(str(directory)).walk_revisions()]
    return {step.revision: not getattr(step.module, "breaks_running_code", False) for step in reversed(steps)}


def downgrade(database_url: str, revision: str = "base") -> None:
    """Take the schema back to `revision`; what a dropped table held is gone."""
    from alembic import command  # noqa: PLC0415 - see above

    command.downgrade(_config(database_url), revision)
