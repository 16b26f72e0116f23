"""What the client asks and when it asks again, said once for both clients: no socket, no clock, no await."""

import random
import uuid
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast
from urllib.parse import quote

import httpx

from .problems import problem_of
from .shapes import Event, Job, SubmissionResult

Json = dict[str, Any]
Found = TypeVar("Found")

TRIES = 5
LONGEST_PAUSE_SECONDS = 30.0
WAIT_SECONDS = 25
PAGE = 100
TOO_MANY = 429
AILING = frozenset({502, 503, 504})
# Without a connection nothing was asked.
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
ENDED = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """`is_repeatable` when asking twice does no more than asking once."""

    method: str
    path: str
    body: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    is_repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


# A call yields what it needs and is sent an answer, an error of the transport, or None after a pause.
Reply = httpx.Response | httpx.TransportError | None
Call = Generator[Ask | Pause, Reply, Found]


def submit(job_type: str, parameters: Any, options: Json, idempotency_key: str | None) -> Call[Job]:
    # The key is ours where none is given, so that a lost answer never makes a second job.
    headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
    body = {"job_type": job_type, "job_parameters": parameters, **options}
    return cast("Job", (yield from _asked(Ask(method="POST", path="/jobs", body=body, headers=headers))))


def submit_many(
    jobs: Sequence[Json], *, all_or_nothing: bool, idempotency_key: str | None
) -> Call[list[SubmissionResult]]:
    headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
    body = {"jobs": list(jobs), "all_or_nothing": all_or_nothing}
    answer = yield from _asked(Ask(method="POST", path="/jobs/batch", body=body, headers=headers))
    return cast("list[SubmissionResult]", answer["results"])


def get(job_id: str, *, as_of: str | int | None = None) -> Call[Job]:
    params = {} if as_of is None else {"as_of": as_of}
    return cast("Job", (yield from _asked(Ask(method="GET", path=job_path(job_id), params=params))))


def wait_a_while(job_id: str, *, at_most: float) -> Call[Job]:
    """The job when it has changed, or after `at_most` seconds, or what the service allows, as it is."""
    headers = {"Prefer": f"wait={max(1, min(WAIT_SECONDS, round(at_most)))}"}
    return cast("Job", (yield from _asked(Ask(method="GET", path=job_path(job_id), headers=headers))))


def explain(job_id: str) -> Call[Json]:
    return (yield from _asked(Ask(method="GET", path=job_path(job_id, "/explain"))))


def act(name: str, job_id: str, reason: str, if_version: int | None) -> Call[Job]:
    """With a version the act can be repeated: once done, the job has another."""
    headers = {} if if_version is None else {"If-Match": f'"{if_version}"'}
    path, body = job_path(job_id, f"/{name}"), {"reason": reason}
    asked = _asked(Ask(method="POST", path=path, body=body, headers=headers, is_repeatable=False))
    return cast("Job", (yield from asked))


def page_of_jobs(filters: Json, place: str | None) -> Call[tuple[list[Job], str | None]]:
    """One page, and where the next one is; `place` is what the page before said."""
    first = Ask(method="GET", path="/jobs", params={"limit": PAGE, **filters})
    page = yield from _asked(Ask(method="GET", path=place) if place else first)
    return cast("list[Job]", page["jobs"]), page["next"]


def page_of_events(job_id: str, after: int, place: str | None) -> Call[tuple[list[Event], str | None]]:
    first = Ask(method="GET", path=job_path(job_id, "/events"), params={"after": after})
    page = yield from _asked(Ask(method="GET", path=place) if place else first)
    return cast("list[Event]", page["events"]), page["next"]


def job_path(job_id: str, rest: str = "") -> str:
    # Whatever somebody passes for an id stays within its place.
    return f"/jobs/{quote(job_id, safe='')}{rest}"


def _asked(ask: Ask) -> Call[Json]:
    for tried in range(1, TRIES + 1):
        reply = yield ask
        if isinstance(reply, httpx.Response) and reply.is_success:
            found: Json = reply.json()
            return found
        if tried == TRIES or not _may_repeat(ask, reply):
            break
        yield Pause(pause_after(reply, tried))
    if isinstance(reply, httpx.Response):
        raise problem_of(reply)
    raise reply if reply is not None else RuntimeError("A request was answered with nothing.")


def _may_repeat(ask: Ask, reply: Reply) -> bool:
    if isinstance(reply, httpx.Response):
        return reply.status_code == TOO_MANY or (ask.is_repeatable and reply.status_code in AILING)
    # Any other error may have come after the act.
    return ask.is_repeatable or isinstance(
        reply, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout
    )


def pause_after(reply: Reply, tried: int) -> float:
    told = reply.headers.get("Retry-After", "") if isinstance(reply, httpx.Response) else ""
    if told.isdecimal():
        return min(float(told), LONGEST_PAUSE_SECONDS)
    return random.uniform(0, min(0.2 * 2**tried, LONGEST_PAUSE_SECONDS))  # noqa: S311 - jitter, no secret
