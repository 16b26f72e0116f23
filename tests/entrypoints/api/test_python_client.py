"""The Python client against the API, and against a service that is not well."""

from collections.abc import Callable

import httpx
import pytest

from entrypoints.client import AsyncJobledger, Jobledger
from entrypoints.client.problems import Conflict, NotFound, Unavailable

JOB = {"id": "j", "status": "pending"}


def over(answer: Callable[[httpx.Request], httpx.Response], pauses: list[float]) -> Jobledger:
    http = httpx.Client(transport=httpx.MockTransport(answer), base_url="http://test")
    return Jobledger(http, pause=pauses.append)


def test_a_submission_whose_answer_was_lost_is_sent_again_under_the_same_key() -> None:
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) == 1:
            raise httpx.ReadError("gone", request=request)
        return httpx.Response(201, json=JOB)

    assert over(answer, []).submit("sample", {}) == JOB
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_the_client_pauses_as_long_as_the_service_asks_and_gives_up_in_the_end() -> None:
    pauses: list[float] = []

    with pytest.raises(Unavailable):
        over(lambda _: httpx.Response(503, headers={"Retry-After": "7"}), pauses).get("j")

    assert pauses == [7.0] * 4


def test_an_act_that_may_have_happened_is_not_asked_again() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        raise httpx.ReadError("gone", request=request)

    with pytest.raises(httpx.ReadError):
        over(answer, []).cancel("j", reason="no longer needed")

    assert asked == ["/jobs/j/cancel"]


async def test_a_job_is_submitted_cancelled_waited_for_and_retried(
    as_user: Callable[..., httpx.AsyncClient],
) -> None:
    client = AsyncJobledger(as_user())

    job = await client.submit("sample_task", {"steps": 2}, priority=7)
    await client.cancel(job["id"], reason="no longer needed")

    assert (await client.wait(job["id"]))["status"] == "cancelled"
    with pytest.raises(Conflict) as refused:
        await client.cancel(job["id"], reason="again")
    assert refused.value.kind == "illegal-transition"
    assert (await client.retry(job["id"], reason="needed after all"))["status"] == "pending"
    assert (await client.get(job["id"]))["priority"] == 7


async def test_somebody_elses_job_is_not_found(as_user: Callable[..., httpx.AsyncClient]) -> None:
    job = await AsyncJobledger(as_user()).submit("sample_task", {"steps": 2})

    with pytest.raises(NotFound):
        await AsyncJobledger(as_user("user-2")).get(job["id"])
