"""Logs as lines on standard error: JSON for machines, key and value on a terminal."""

import json
import logging
import re
import sys
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any

import orjson
import structlog

SECRET = re.compile(r"authorization|password|secret|token$|_url$|private_key", re.IGNORECASE)
HIDDEN = "***"


def set_up_logging(level: str) -> None:
    """Send everything, the libraries' records too, through one pipeline."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]
    is_terminal = sys.stderr.isatty()
    renderer: list[structlog.typing.Processor] = (
        # Plain traces: the pretty ones show local variables, and tokens are among those.
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if is_terminal
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_json)]
    )
    # Bytes past the text layer: a line a request is a tenth of a request's time.
    direct: list[structlog.typing.Processor] = [] if is_terminal else [_encoded]
    structlog.configure(
        processors=[*shared, *renderer, *direct],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr)
        if is_terminal
        else structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def hide_secrets(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Nothing that is named like a secret is written, however deep it lies."""
    for name, value in line.items():
        if _is_secret(name):
            line[name] = HIDDEN
        elif isinstance(value, dict | list):
            line[name] = _without_secrets(value)
    return line


# Names are few, and come again with every line.
@lru_cache(1024)
def _is_secret(name: str) -> bool:
    return SECRET.search(name) is not None


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: HIDDEN if _is_secret(str(name)) else _without_secrets(item) for name, item in value.items()
        }
    return [_without_secrets(item) for item in value] if isinstance(value, list) else value


def _encoded(_logger: object, _method: str, line: Any) -> bytes:
    return str(line).encode("utf-8", "backslashreplace")


def _json(line: Any, **_: Any) -> str:
    try:
        return orjson.dumps(line, default=str).decode()
    except TypeError:
        # Lone surrogates and very large integers, which others' error texts may hold: a line is never lost.
        return json.dumps(line, default=str, skipkeys=True)
