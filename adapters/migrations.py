"""Runs the Alembic migrations of this checkout."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from psycopg import conninfo
from sqlalchemy import URL
from sqlalchemy.engine import make_url

ALEMBIC = Path(__file__).parent.parent / "alembic"


def _config(database_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(ALEMBIC))
    config.attributes["url"] = _sqlalchemy_url(database_url)
    return config


def _sqlalchemy_url(database_url: str) -> URL:
    """The same database for SQLAlchemy, whose own parser does not know libpq's socket addresses."""
    parts = conninfo.conninfo_to_dict(database_url)
    return make_url("postgresql+psycopg://").set(query={key: str(value) for key, value in parts.items()})


def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring the schema to `revision`; safe to run from many processes at once."""
    command.upgrade(_config(database_url), revision)


def downgrade(database_url: str, revision: str = "base") -> None:
    """Take the schema back to `revision`; what a dropped table held is gone."""
    command.downgrade(_config(database_url), revision)
