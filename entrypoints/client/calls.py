"""What the client asks and when it asks again, said once for both clients: no socket, no clock, no await."""

import random
import uuid
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from entrypoints.client.problems import problem_of

Json = dict[str, Any]

TRIES = 5
LONGEST_PAUSE_SECONDS = 30.0
WAIT_SECONDS = 25
TOO_MANY = 429
AILING = frozenset({502, 503, 504})
ENDED = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """`is_repeatable` when asking twice does no more than asking once."""

    method: str
    path: str
    body: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


# A call yields what it needs and is sent an answer, an error of the transport, or None after a pause.
Reply = httpx.Response | httpx.TransportError | None
Call = Generator[Ask | Pause, Reply, Json]


def submit(job_type: str, parameters: Json, options: Json, idempotency_key: str | None) -> Call:
    # The key is ours where none is given, so that a lost answer never makes a second job.
    headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
    body = {"job_type": job_type, "job_parameters": parameters, **options}
    return (yield from _asked(Ask(method="POST", path="/jobs", body=body, headers=headers)))


def get(job_id: str) -> Call:
    return (yield from _asked(Ask(method="GET", path=f"/jobs/{job_id}")))


def wait(job_id: str) -> Call:
    job = yield from get(job_id)
    while job["status"] not in ENDED:
        headers = {"Prefer": f"wait={WAIT_SECONDS}"}
        job = yield from _asked(Ask(method="GET", path=f"/jobs/{job_id}", headers=headers))
    return job


def act(name: str, job_id: str, reason: str) -> Call:
    ask = Ask(method="POST", path=f"/jobs/{job_id}/{name}", body={"reason": reason}, is_repeatable=False)
    return (yield from _asked(ask))


def _asked(ask: Ask) -> Call:
    for tried in range(1, TRIES + 1):
        reply = yield ask
        if isinstance(reply, httpx.Response) and reply.is_success:
            found: Json = reply.json()
            return found
        if tried == TRIES or not _may_repeat(ask, reply):
            break
        yield Pause(_pause_after(reply, tried))
    if isinstance(reply, httpx.Response):
        raise problem_of(reply)
    raise reply if reply is not None else RuntimeError("A request was answered with nothing.")


def _may_repeat(ask: Ask, reply: Reply) -> bool:
    if isinstance(reply, httpx.Response):
        return reply.status_code == TOO_MANY or (ask.is_repeatable and reply.status_code in AILING)
    # Without a connection nothing was asked; any other error may have come after the act.
    return ask.is_repeatable or isinstance(reply, httpx.ConnectError)


def _pause_after(reply: Reply, tried: int) -> float:
    told = reply.headers.get("Retry-After", "") if isinstance(reply, httpx.Response) else ""
    if told.isdecimal():
        return min(float(told), LONGEST_PAUSE_SECONDS)
    return random.uniform(0, min(0.2 * 2**tried, LONGEST_PAUSE_SECONDS))  # noqa: S311 - jitter, no secret
