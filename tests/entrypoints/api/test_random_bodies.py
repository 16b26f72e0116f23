"""Ten thousand random requests, in process and without a database: each is answered, and none with a 500."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI

from domain.identifiers import UserId
from domain.ports.tokens import VerifiedToken
from entrypoints.api.app import create_app
from entrypoints.settings import Settings
from tests.entrypoints.dashboard.world import World

REQUESTS = 10_000
SCALARS: list[Any] = [
    None, True, False, 0, -1, 3, 9, 10, 2**31, 2**53, 2**70, 1.5, -0.0, 1e308, "", "a", "\0", "\ud800",
    "Grüße \U0001f600", "x" * 300, "sample_task", "http_request", "2030-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1893456000", "return_existing",
    "019a0000-0000-7000-8000-000000000001", "*", '"1"',
]  # fmt: skip
NAMES = [
    "job_type", "job_parameters", "priority", "run_at", "max_attempts", "timeout_seconds", "unique_key",
    "unique_key_conflict", "tags", "on_behalf_of", "idempotency_key", "jobs", "all_or_nothing", "reason",
    "filter", "dry_run", "status", "job_id", "version", "user_id", "tag", "created_after", "steps", "result",
    "~/",
]  # fmt: skip
PATHS = ["/jobs", "/jobs", "/jobs/batch", "/jobs:cancel", "/jobs:retry", "/jobs/{}/cancel", "/jobs/{}/retry"]
QUERIES = [
    "limit",
    "offset",
    "cursor",
    "status",
    "job_type",
    "tag",
    "created_after",
    "count",
    "as_of",
    "after",
]
ODD_HEADERS = [b"idempotency-key", b"if-match", b"if-none-match", b"prefer", b"x-request-id"]
READS = ["/jobs", "/jobs/{}", "/jobs/{}/events", "/jobs/{}/explain", "/job-types", "/lifecycle"]


class AnyToken:
    """Whoever asks is an operator and an auditor, so that nothing is refused before it is read."""

    async def verify(self, token: str) -> VerifiedToken:
        return VerifiedToken(
            user_id=UserId("user-1"),
            expires_at=datetime.now(UTC) + timedelta(hours=1),
            claims={"app_metadata": {"roles": ["operator", "auditor"]}},
        )


class Chaos:
    """Requests as nobody would write them, and as somebody might; the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - not cryptography

    def value(self, depth: int = 0) -> Any:
        kind = self._random.random()
        if kind < 0.2 and depth < 5:
            return [self.value(depth + 1) for _ in range(self._random.randrange(4))]
        if kind < 0.5 and depth < 5:
            return self.fields(depth + 1)
        return self._random.choice(SCALARS)

    def fields(self, depth: int = 0) -> dict[str, Any]:
        return {self._random.choice(NAMES): self.value(depth) for _ in range(self._random.randrange(5))}

    def body(self) -> bytes:
        kind = self._random.random()
        if kind < 0.1:
            return self._random.randbytes(self._random.randrange(200))
        if kind < 0.5:
            likely = {"job_type": "sample_task", "reason": "r", "jobs": [{"job_type": "sample_task"}]}
            chosen = {name: value for name, value in likely.items() if self._random.random() < 0.7}
            whole: Any = chosen | self.fields()
        else:
            whole = self.value()
        text = json.dumps(whole).encode()
        return text[: self._random.randrange(len(text) + 1)] if kind > 0.9 else text

    def requests(self) -> Iterator[tuple[str, str, bytes, bytes]]:
        """Method, path, query string and body."""
        for _ in range(REQUESTS):
            job_id = self._random.choice(["x", "%00", "019a0000-0000-7000-8000-000000000001"])
            if self._random.random() < 0.75:
                yield "POST", self._random.choice(PATHS).format(job_id), b"", self.body()
                continue
            words = [json.dumps(self._random.choice(SCALARS)) for _ in range(2)]
            query = "&".join(f"{self._random.choice(QUERIES)}={word}" for word in words)
            yield "GET", self._random.choice(READS).format(job_id), query.encode(), b""

    def headers(self) -> list[tuple[bytes, bytes]]:
        odd = self._random.choice([b"", b'"1"', b"wait=0", b"\xff\xfe", b"k" * 300, b"W/", b"order-1"])
        name = self._random.choice(ODD_HEADERS)
        return [(b"content-type", b"application/json"), (b"authorization", b"Bearer t"), (name, odd)]


async def asked(
    app: FastAPI, method: str, path: str, query: bytes, body: bytes, headers: list[tuple[bytes, bytes]]
) -> tuple[int, bytes]:
    """The application's answer, without a client in between, which would take most of the time."""
    sent: list[Any] = []
    received = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Any:
        return next(received, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
        "raw_path": path.encode(), "query_string": query, "headers": headers, "root_path": "",
        "scheme": "http", "server": ("test", 80), "client": ("10.0.0.1", 1),
    }  # fmt: skip
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


async def test_ten_thousand_random_requests_and_no_500() -> None:
    app = create_app(AnyToken(), Settings(), services=World().services)
    chaos = Chaos(seed=7)
    statuses: Counter[int] = Counter()
    wrong: list[object] = []
    for method, path, query, body in chaos.requests():
        status, content = await asked(app, method, path, query, body, chaos.headers())
        statuses[status] += 1
        told = json.loads(content) if content else {}
        if status >= 500 or (status == 422 and not told.get("errors")):
            wrong.append((method, path, query, body, content))

    assert wrong == []
    assert statuses.total() == REQUESTS
    # All kinds of answers are among them: the requests are not all refused at the door.
    assert {200, 202, 400, 404, 422} <= set(statuses)
