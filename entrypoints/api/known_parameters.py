"""A query parameter that an operation does not know is refused, like an unknown field of a body.

Otherwise a filter that is misspelt would find everything, and a `dry_run` in the wrong place would be none.
"""

from collections.abc import Callable
from typing import Any

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query

from domain.errors import FieldProblem, InvalidSubmission
from entrypoints.api.schemas import pointer

MAX_TOLD = 20
MAX_NAME = 100


class KnownParameters:
    """A dependency of whole routers; raises InvalidSubmission that names each unknown parameter."""

    def __init__(self) -> None:
        self._known: dict[Callable[..., Any], set[str]] = {}

    async def __call__(self, request: Request) -> None:
        if not request.scope["query_string"]:
            return
        endpoint = request.scope["endpoint"]
        if endpoint not in self._known:
            self._known[endpoint] = _taken_by(request.scope["route"])
        known = self._known[endpoint]
        unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
        if unknown:
            there = f"There are {', '.join(sorted(known))}." if known else "There are none here."
            raise InvalidSubmission([_unknown(name, there) for name in unknown[:MAX_TOLD]])


def _taken_by(route: Any) -> set[str]:
    fields = get_flat_params(route.dependant)
    return {field.alias for field in fields if isinstance(field.field_info, Query)}


def _unknown(name: str, there: str) -> FieldProblem:
    place = pointer(["query", name[:MAX_NAME]])
    return FieldProblem(pointer=place, detail=f"There is no such parameter. {there}")
