"""What JSON we take: bounded in depth and size, and nothing that no database holds."""

import math

from domain.errors import FieldProblem
from domain.identifiers import Json

MAX_DEPTH = 32
MAX_PROBLEMS = 20


def find_problems(value: Json, pointer: str = "", depth: int = 0) -> list[FieldProblem]:
    """Everything wrong with the value and what lies in it, up to twenty things."""
    if isinstance(value, str):
        wrong = _text_problem(value)
        return [FieldProblem(pointer=pointer, detail=wrong)] if wrong else []
    if isinstance(value, float):
        wrong = None if math.isfinite(value) else "NaN and infinity are no JSON numbers."
        return [FieldProblem(pointer=pointer, detail=wrong)] if wrong else []
    if not isinstance(value, dict | list):
        return []
    if depth >= MAX_DEPTH:
        return [FieldProblem(pointer=pointer, detail=f"JSON may be nested {MAX_DEPTH} deep at most.")]
    found: list[FieldProblem] = []
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(key, str) and _text_problem(key):
            found.append(FieldProblem(pointer=pointer, detail=f"A key: {_text_problem(key)}"))
        else:
            escaped = str(key).replace("~", "~0").replace("/", "~1")
            found += find_problems(item, f"{pointer}/{escaped}", depth + 1)
        if len(found) >= MAX_PROBLEMS:
            break
    return found[:MAX_PROBLEMS]


def _text_problem(text: str) -> str | None:
    if "\0" in text:
        return "The character NUL cannot be stored."
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        return "A lone surrogate is no character."
    return None
