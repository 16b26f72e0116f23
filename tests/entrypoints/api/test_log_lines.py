"""What is logged: one line a request, for machines or for people, and never a secret."""

import io
import json
import logging
from collections.abc import Callable, Iterator

import httpx
import pytest
import structlog
from fastapi import FastAPI
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from entrypoints.log_setup import set_up_logging

SECRET = "eyJ.a-token.that-nobody-may-read"


class Stream(io.TextIOWrapper):
    """Standard error, kept: text over bytes, as the real one."""

    def __init__(self, *, is_terminal: bool = False) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def getvalue(self) -> str:
        self.seek(0)
        return self.read()


@pytest.fixture
def logging_to(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Stream], None]]:
    """Sets logging up with standard error replaced; afterwards all is as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def set_up(stream: Stream) -> None:
        monkeypatch.setattr("sys.stderr", stream)
        set_up_logging("INFO")

    yield set_up
    structlog.reset_defaults()
    logging.basicConfig(handlers=handlers, level=level, force=True)


def fail_with_a_secret() -> None:
    authorization = SECRET
    raise RuntimeError(f"{len(authorization)} characters did not help")


@pytest.mark.parametrize("stream", [Stream(), Stream(is_terminal=True)], ids=["for machines", "for people"])
def test_no_secret_is_written(logging_to: Callable[[Stream], None], stream: Stream) -> None:
    logging_to(stream)
    log = structlog.get_logger()
    log.info(
        "token.refused", authorization=SECRET, database_url=SECRET, asked={"headers": [{"Token": SECRET}]}
    )
    try:
        fail_with_a_secret()
    except RuntimeError:
        log.exception("request.failed")

    assert "did not help" in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_the_libraries_lines_are_json_too(logging_to: Callable[[Stream], None]) -> None:
    stream = Stream()
    logging_to(stream)
    with structlog.contextvars.bound_contextvars(request_id="request-17"):
        logging.getLogger("psycopg.pool").warning("discarding %s", "a connection")
    line = json.loads(stream.getvalue())

    assert (line["event"], line["request_id"]) == ("discarding a connection", "request-17")


def test_a_line_with_what_is_no_character_is_written_all_the_same(
    logging_to: Callable[[Stream], None],
) -> None:
    stream = Stream()
    logging_to(stream)
    structlog.get_logger().info("attempt.failed", error="\ud800", size=2**80)

    assert json.loads(stream.getvalue())["error"] == "\ud800"


async def test_a_request_writes_one_line_that_names_its_route_and_user(client: httpx.AsyncClient) -> None:
    job = (await client.post("/jobs", json={"job_type": "sample_task"})).json()
    with capture_logs(processors=[merge_contextvars]) as lines:
        answer = await client.get(f"/jobs/{job['id']}", headers={"X-Request-ID": "request-17"})
    (line,) = lines

    assert line.pop("duration_ms") >= 0
    assert line == {
        "event": "request.finished",
        "log_level": "info",
        "method": "GET",
        "route": "/jobs/{job_id}",
        "status": answer.status_code,
        "user_id": "user-1",
        "request_id": "request-17",
    }


async def test_what_nobody_foresaw_is_logged_once_with_its_trace(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    @app.get("/breaks")
    async def breaks() -> None:
        raise RuntimeError("of the inside")

    with capture_logs() as lines:
        await client.get("/breaks")

    assert [(line["event"], line.get("exc_info", False)) for line in lines] == [
        ("request.failed", True),
        ("request.finished", False),
    ]
