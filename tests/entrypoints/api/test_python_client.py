"""The Python client against the API, and against a service that is not well."""

import ast
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from entrypoints.api import answers
from entrypoints.client import (
    AsyncJobledger,
    BearerToken,
    Conflict,
    Invalid,
    Jobledger,
    NotEndedYet,
    NotFound,
    ServiceProblem,
    Unavailable,
    shapes,
)

JOB: Any = {"id": "j", "status": "pending"}
CLIENT = Path(__file__).parents[3] / "entrypoints" / "client"


def over(answer: Callable[[httpx.Request], httpx.Response], pauses: list[float]) -> Jobledger:
    http = httpx.Client(transport=httpx.MockTransport(answer), base_url="http://test")
    return Jobledger(http, pause=pauses.append)


def told(*versions: int) -> bytes:
    return b"".join(
        b'id: %d\nevent: X\ndata: {"version": %d}\n\n' % (version, version) for version in versions
    )


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


def test_an_act_that_cannot_have_arrived_is_asked_again() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["If-Match"])
        if len(asked) == 1:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(200, json=JOB)

    over(answer, []).retry("j", reason="again", if_version=4)

    assert asked == ['"4"', '"4"']


def test_what_somebody_passes_for_an_id_stays_in_its_place() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        return httpx.Response(200, json=JOB)

    over(answer, []).get("../health?a=b")

    assert asked == ["/jobs/..%2Fhealth%3Fa%3Db"]


def test_waiting_ends_when_its_time_is_over_and_tells_how_the_job_is() -> None:
    with pytest.raises(NotEndedYet) as given_up:
        over(lambda _: httpx.Response(200, json=JOB), []).wait("j", at_most=0)

    assert given_up.value.job == JOB


def test_a_refusal_is_an_exception_that_names_the_fields() -> None:
    problem = {
        "type": "/problems/invalid-request",
        "title": "The request cannot be accepted as it is",
        "detail": "See `errors`.",
        "request_id": "r",
        "errors": [{"pointer": "/priority", "detail": "too high"}],
    }

    with pytest.raises(Invalid) as refused:
        over(lambda _: httpx.Response(422, json=problem), []).submit("sample", {}, priority=99)

    assert (refused.value.kind, refused.value.request_id) == ("invalid-request", "r")
    assert refused.value.errors[0]["pointer"] == "/priority"
    assert str(refused.value) == "The request cannot be accepted as it is. /priority: too high"


def test_an_answer_that_is_no_problem_is_an_exception_too() -> None:
    with pytest.raises(ServiceProblem, match="418"):
        over(lambda _: httpx.Response(418, text="<html>"), []).get("j")


def test_watching_goes_on_after_the_last_event_that_arrived() -> None:
    since: list[str] = []

    class Breaks(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            # The connection breaks in the middle of an event.
            yield told(1, 2)[:-20]
            raise httpx.ReadError("gone")

    def answer(request: httpx.Request) -> httpx.Response:
        since.append(request.headers["Last-Event-ID"])
        match len(since):
            case 1:
                return httpx.Response(200, stream=Breaks())
            case 2:
                return httpx.Response(503)
            case 3:
                return httpx.Response(200, content=b": still here\n\n" + told(1, 2, 3))
        return httpx.Response(204)

    pauses: list[float] = []
    events = list(over(answer, pauses).watch("j"))

    assert [event["version"] for event in events] == [1, 2, 3]
    assert since == ["0", "1", "1", "3"]
    assert len(pauses) == 3


def test_watching_ends_with_the_refusal_that_no_patience_mends() -> None:
    with pytest.raises(NotFound):
        list(over(lambda _: httpx.Response(404, json={}), []).watch("j"))


def test_watching_gives_up_when_nothing_arrives_any_more() -> None:
    pauses: list[float] = []

    with pytest.raises(Unavailable):
        list(over(lambda _: httpx.Response(503), pauses).watch("j"))

    assert len(pauses) == 4


async def test_watching_is_the_same_with_asyncio() -> None:
    answers_left = [httpx.Response(200, content=told(4, 5)), httpx.Response(204)]
    transport = httpx.MockTransport(lambda _: answers_left.pop(0))
    async with AsyncJobledger(httpx.AsyncClient(transport=transport, base_url="http://test")) as jobs:
        versions = [event["version"] async for event in jobs.watch("j", after=3)]

    assert versions == [4, 5]


def test_a_token_that_is_renewed_is_asked_for_each_time() -> None:
    tokens = iter(["first", "second"])
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return httpx.Response(200, json=JOB)

    http = httpx.Client(
        transport=httpx.MockTransport(answer), base_url="http://test", auth=BearerToken(lambda: next(tokens))
    )
    jobs = Jobledger(http)
    jobs.get("j")
    jobs.get("j")

    assert seen == ["Bearer first", "Bearer second"]


async def test_a_job_is_submitted_cancelled_waited_for_and_retried(
    as_user: Callable[..., httpx.AsyncClient],
) -> None:
    client = AsyncJobledger(as_user())

    job = await client.submit("sample_task", {"steps": 2}, priority=7)
    await client.cancel(job["id"], reason="no longer needed", if_version=job["version"])

    assert (await client.wait(job["id"]))["status"] == "cancelled"
    with pytest.raises(Conflict) as refused:
        await client.cancel(job["id"], reason="again")
    assert refused.value.kind == "illegal-transition"
    assert (await client.retry(job["id"], reason="needed after all"))["status"] == "pending"
    assert (await client.get(job["id"]))["priority"] == 7
    assert (await client.get(job["id"], as_of=1))["status"] == "pending"
    assert [event["type"] async for event in client.events(job["id"])] == [
        "JobSubmitted",
        "JobCancelled",
        "JobRetried",
    ]


async def test_many_jobs_are_submitted_at_once_and_listed_page_by_page(
    as_user: Callable[..., httpx.AsyncClient],
) -> None:
    client = AsyncJobledger(as_user())
    results = await client.submit_many([{"job_type": "sample_task", "tags": ["many"]} for _ in range(5)])
    listed = [job["id"] async for job in client.jobs(tag="many", limit=2)]

    assert [result["status"] for result in results] == [202] * 5
    assert sorted(listed) == sorted(result["job"]["id"] for result in results if result["job"])


async def test_somebody_elses_job_is_not_found(as_user: Callable[..., httpx.AsyncClient]) -> None:
    job = await AsyncJobledger(as_user()).submit("sample_task", {"steps": 2})

    with pytest.raises(NotFound):
        await AsyncJobledger(as_user("user-2")).get(job["id"])


def test_the_types_are_what_the_service_answers() -> None:
    for ours, theirs in ((shapes.Job, answers.JobOut), (shapes.Event, answers.EventOut)):
        assert set(ours.__annotations__) == set(theirs.model_fields)


def methods_of(name: str) -> dict[str, str]:
    """Each method's signature and documentation, without what asyncio adds."""
    (of_class,) = [
        node for node in ast.parse((CLIENT / f"{name}.py").read_text()).body if isinstance(node, ast.ClassDef)
    ]
    found = {}
    for node in of_class.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            told = (
                f"{ast.unparse(node.args)} -> {ast.unparse(node.returns or node)}: {ast.get_docstring(node)}"
            )
            found[node.name.removeprefix("a")] = told.replace("Async", "").replace("async with", "with")
    return found


def test_both_clients_say_the_same() -> None:
    assert methods_of("synchronous") == methods_of("asynchronous")


def test_the_client_can_be_taken_alone(tmp_path: Path) -> None:
    """Copied into a folder of its own, with nothing visible but httpx and what that needs."""
    shutil.copytree(CLIENT, tmp_path / "jobledger_client", ignore=shutil.ignore_patterns("__pycache__"))
    needed = ("httpx", "httpcore", "h11", "anyio", "certifi", "idna", "typing_extensions")
    for name in needed:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        place = origin.parent if origin.name == "__init__.py" else origin
        (tmp_path / place.name).symlink_to(place)
    program = (
        "import jobledger_client, sys, httpx;"
        "jobs = jobledger_client.Jobledger.at('http://127.0.0.1:1', 'token');"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'entrypoints', 'domain', 'pydantic'}))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout.strip() == "[]"
    assert (tmp_path / "jobledger_client" / "py.typed").exists()
