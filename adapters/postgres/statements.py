"""The SQL of this adapter, a file a statement: `sql/<module>/<method>.sql`."""

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> bytes:
    """The text of `sql/<name>.sql`, without its comments and indentation.

    Comments are for readers of the file; without them a statement fits psycopg's cache of parsed queries.
    """
    text = files("adapters.postgres").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    lines = (line.split("--", 1)[0].strip() for line in text.splitlines())
    return " ".join(line for line in lines if line).encode()
