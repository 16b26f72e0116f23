"""JSON as it is stored.

Stored JSON holds null, booleans, strings, arrays, objects and integers within ±(2^53-1), with sorted keys
and no blanks: on that subset the text is RFC 8785 canonical, and any reader gets the same value. A client's
or handler's value beyond it (floats, larger integers, NUL, lone surrogates) is kept as text in a field of
its own, `<name>_text`, so that it comes back exactly as it was.
"""

import json
from typing import Any

import orjson

from domain.identifiers import Json

_CANONICAL = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER


def canonical(value: Any) -> str:
    """The canonical text of a value within the subset."""
    return orjson.dumps(value, option=_CANONICAL).decode()


def canonical_or_none(value: Json) -> str | None:
    """The canonical text; None of a value beyond the subset, and of None."""
    return canonical(value) if value is not None and fits(value) else None


def put(target: dict[str, Any], name: str, value: Json, *, written: str | None = None) -> None:
    """Store `value` under `name`, or its text under `<name>_text`; None is stored as nothing.

    `written` is what `canonical_or_none` made of the value already, where it did.
    """
    if value is None:
        return
    if written is not None:
        target[name] = orjson.Fragment(written)
    elif fits(value):
        target[name] = value
    else:
        target[f"{name}_text"] = json.dumps(value, separators=(",", ":"))


def take(source: dict[str, Any], name: str) -> Json:
    """What `put` stored."""
    text = source.get(f"{name}_text")
    return source.get(name) if text is None else json.loads(text)


def take_all(source: dict[str, Any]) -> dict[str, Json]:
    """Every field of an object whose fields `put` stored."""
    return {name: take(source, name) for name in dict.fromkeys(key.removesuffix("_text") for key in source)}


def fits(value: Json) -> bool:
    """Whether the value lies within the subset."""
    if isinstance(value, str):
        return _is_plain(value)
    if isinstance(value, dict):
        # A loop: as a generator this was a fifth of what a submission cost in Python.
        for key, item in value.items():  # noqa: SIM110 - see above
            if not (_is_plain(key) and fits(item)):
                return False
        return True
    if isinstance(value, list):
        return all(map(fits, value))
    is_integer = isinstance(value, int) and -(2**53) < value < 2**53
    return value is None or is_integer


def _is_plain(text: str) -> bool:
    # Lone surrogates do not encode, NUL does not store, and beyond the basic plane RFC 8785 sorts keys
    # by UTF-16 units where everybody else sorts by code points.
    if text.isascii():
        return "\0" not in text
    return all(char < "\ud800" or "\ue000" <= char <= "\uffff" for char in text) and "\0" not in text
