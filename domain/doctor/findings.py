"""What an examination finds."""

from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """`ERROR` is what keeps jobs from being accepted, run or proven, now or before long."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    UNKNOWN = "unknown"


class Finding(NamedTuple):
    """One thing that was looked at: `told` is what was found, `advice` what to do unless it is well."""

    check: str
    verdict: Verdict
    told: str
    advice: str = ""


def counted(number: int, one: str, many: str) -> str:
    """The number with the words for it: `1 worker lives`, `2 workers live`."""
    return f"{number} {one if number == 1 else many}"


def fine(check: str, told: str) -> Finding:
    return Finding(check, Verdict.OK, told)


def warning(check: str, told: str, advice: str) -> Finding:
    return Finding(check, Verdict.WARNING, told, advice)


def error(check: str, told: str, advice: str) -> Finding:
    return Finding(check, Verdict.ERROR, told, advice)


def unknown(check: str, told: str, advice: str) -> Finding:
    return Finding(check, Verdict.UNKNOWN, told, advice)
