"""A client of Jobledger on httpx alone: `Jobledger` and, with the same words, `AsyncJobledger`.

    with Jobledger.at("https://jobs.example.com", token) as jobs:
        job = jobs.wait(jobs.submit("sample_task", {"steps": 2})["id"])

It imports nothing else of this repository: the folder may be copied, or the package installed. What got lost
is asked again where that is safe: reading always is; so is a submission, under its idempotency key; cancel
and retry only when the first time cannot have arrived. Refusals are raised as `ServiceProblem`.
"""

from .asynchronous import AsyncJobledger
from .problems import (
    Conflict,
    Invalid,
    NotAuthenticated,
    NotEndedYet,
    NotFound,
    NotPermitted,
    ServiceProblem,
    Unavailable,
)
from .shapes import Actor, ErrorInfo, Event, Job, Progress, Status, SubmissionResult
from .synchronous import Jobledger
from .tokens import BearerToken

__all__ = [
    "Actor",
    "AsyncJobledger",
    "BearerToken",
    "Conflict",
    "ErrorInfo",
    "Event",
    "Invalid",
    "Job",
    "Jobledger",
    "NotAuthenticated",
    "NotEndedYet",
    "NotFound",
    "NotPermitted",
    "Progress",
    "ServiceProblem",
    "Status",
    "SubmissionResult",
    "Unavailable",
]
