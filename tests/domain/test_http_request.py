"""The job type that calls an HTTP server: what it sends, and what each answer means for the job."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from adapters.parameters import PydanticParameterParser
from domain.errors import InvalidSubmission
from domain.http_request import HttpRequest, UnexpectedStatus, http_request_type
from domain.identifiers import Json
from domain.job_types import NotRetryable
from domain.ports.outbound_http import DestinationRefused, NoAnswer, OutboundAnswer, OutboundRequest
from tests.domain.stories import JOB
from tests.domain.test_sample_task import Context
from tests.fakes.system import FakeClock

URL = "https://example.org/hook"


@dataclass
class World:
    """Answers with what it is told to, and keeps what it was asked."""

    answer: OutboundAnswer | Exception
    asked: list[OutboundRequest] = field(default_factory=list)

    async def send(self, request: OutboundRequest) -> OutboundAnswer:
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def answer(status: int, body: bytes = b"", **headers: str) -> OutboundAnswer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return OutboundAnswer(status=status, url=URL, headers=named, body=body)


async def ran(world: World, clock: FakeClock | None = None, **parameters: Any) -> Json:
    kind = http_request_type(world, clock or FakeClock())
    work: Any = kind.function(Context(attempt=2), HttpRequest(**({"url": URL} | parameters)))
    result: Json = await work
    return result


async def test_it_ends_with_what_was_answered() -> None:
    world = World(answer(200, b'{"id": 7}', content_type="application/json"))

    assert await ran(world, body={"name": "x"}) == {
        "status": 200,
        "url": URL,
        "headers": {"content-type": "application/json"},
        "body": {"id": 7},
        "body_is_cut": False,
    }
    (asked,) = world.asked
    assert (asked.method, asked.url, asked.body) == ("POST", URL, b'{"name":"x"}')
    assert asked.headers["Content-Type"] == "application/json"


async def test_each_try_carries_the_jobs_id_so_that_the_server_can_tell_a_second_try() -> None:
    world = World(answer(204))
    await ran(world)

    headers = world.asked[0].headers
    assert headers["Idempotency-Key"] == f'"{JOB}"'
    assert (headers["Jobledger-Job-Id"], headers["Jobledger-Attempt"]) == (JOB, "2")


async def test_the_clients_own_headers_win() -> None:
    world = World(answer(204))
    await ran(world, headers={"idempotency-key": "mine", "Authorization": "Bearer x"})

    headers = world.asked[0].headers
    assert "Idempotency-Key" not in headers
    assert (headers["idempotency-key"], headers["Authorization"]) == ("mine", "Bearer x")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_a_status_that_asks_for_patience_is_tried_again(status: int) -> None:
    with pytest.raises(UnexpectedStatus) as raised:
        await ran(World(answer(status, b"busy")))

    assert str(raised.value) == f"{URL} answered {status}: busy"
    assert raised.value.after_seconds == 0


@pytest.mark.parametrize("status", [301, 400, 401, 404, 410, 422])
async def test_any_other_status_ends_the_job(status: int) -> None:
    with pytest.raises(NotRetryable, match=str(status)):
        await ran(World(answer(status)))


async def test_what_counts_as_success_can_be_said() -> None:
    assert isinstance(await ran(World(answer(404)), expected_status=[404]), dict)
    with pytest.raises(NotRetryable):
        await ran(World(answer(200)), expected_status=[404])


async def test_it_waits_as_long_as_the_server_says() -> None:
    clock = FakeClock()
    date = (clock.now() + timedelta(seconds=90)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    expected = {"120": 120.0, date: 90.0, "soon": 0.0, "-5": 0.0, "999999999": 86_400.0}
    found = {}
    for told in expected:
        with pytest.raises(UnexpectedStatus) as raised:
            await ran(World(answer(503, retry_after=told)), clock)
        found[told] = round(raised.value.after_seconds)

    assert found == expected


async def test_no_answer_is_tried_again_and_a_refused_destination_is_not() -> None:
    with pytest.raises(NoAnswer):
        await ran(World(NoAnswer("nobody there")))
    with pytest.raises(NotRetryable, match="private"):
        await ran(World(DestinationRefused("private")))


async def test_redirects_are_followed_only_when_wanted() -> None:
    world = World(answer(204))
    await ran(world)
    await ran(world, follow_redirects=False)

    assert [asked.max_redirects for asked in world.asked] == [5, 0]


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"url": "ftp://example.org"},
        {"url": "https://user:secret@example.org"},
        {"url": "https://example.org/\n"},
        {"url": "https:///path"},
        {"url": URL, "method": "CONNECT"},
        {"url": URL, "headers": {"Host": "other"}},
        {"url": URL, "headers": {"X": "a\r\nY: b"}},
        {"url": URL, "headers": {"a b": "c"}},
        {"url": URL, "body": 1, "body_text": "1"},
        {"url": URL, "timeout_seconds": 0},
        {"url": URL, "expected_status": [99]},
        {"url": URL, "unknown": 1},
    ],
)
def test_what_cannot_be_sent_is_refused_at_submission(bad: Json) -> None:
    kind = http_request_type(World(answer(200)), FakeClock())
    with pytest.raises(InvalidSubmission):
        PydanticParameterParser([kind]).parse(kind, bad)
