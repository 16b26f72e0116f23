"""PostgreSQL array literals, made by hand.

psycopg's list dumper is pure Python and takes half of a batch's time; joining text takes a twentieth of
that. Format: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

NULL = "NULL"


def plain(value: object) -> str:
    """An element whose text needs no quoting: a number, UUID, instant or hex. None is NULL."""
    return NULL if value is None else str(value)


def quoted(value: str | None) -> str:
    """An element of any text. None is NULL."""
    if value is None:
        return NULL
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    return '"' + (value.replace('"', '\\"') if '"' in value else value) + '"'


# For short texts that come again and again, as users, job types and facts do: found sooner than quoted.
quoted_again = lru_cache(4096)(quoted)
NO_TEXTS = quoted("{}")


def plain_array(values: Iterable[object]) -> str:
    """Of values whose text needs no quoting: numbers, UUIDs, booleans, hex. None is NULL."""
    return "{" + ",".join(map(plain, values)) + "}"


def text_array(values: Iterable[str | None]) -> str:
    """Of any text. None is NULL."""
    return "{" + ",".join(map(quoted, values)) + "}"


def columns(names: Sequence[str], rows: Sequence[tuple[str, ...]]) -> dict[str, str]:
    """Rows of elements, as one array for each name."""
    turned = zip(*rows, strict=True)
    return {name: "{" + ",".join(column) + "}" for name, column in zip(names, turned, strict=True)}
