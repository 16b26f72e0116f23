"""Every refusal has the one shape, and the table of refusals is complete."""

import re
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from domain import errors
from domain.errors import JobledgerError, StorageUnavailable
from entrypoints.api.problems import KINDS
from tests.entrypoints.api.conftest import Client

SHAPE = {"type", "title", "status", "detail", "instance", "request_id"}


def all_errors(base: type[JobledgerError] = JobledgerError) -> Iterator[type[JobledgerError]]:
    yield base
    for kind in base.__subclasses__():
        yield from all_errors(kind)


def test_every_domain_error_has_a_status() -> None:
    assert set(KINDS) == set(all_errors())


def test_no_two_problems_share_a_type() -> None:
    slugs = [kind.slug for kind in KINDS.values() if kind.slug != "internal"]

    assert len(slugs) == len(set(slugs))


def test_the_tree_of_errors_is_drawn_whole() -> None:
    drawn = errors.__doc__ or ""

    assert [kind.__name__ for kind in all_errors() if kind.__name__ not in drawn] == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("DELETE", "/jobs", 405), ("GET", "/jobs?limit=0", 422)],
)
async def test_fastapis_own_refusals_have_our_shape(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path)

    assert answer.status_code == status
    assert set(answer.json()) >= SHAPE
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_what_nobody_foresaw_is_a_problem_without_a_trace(app: FastAPI, as_user: Client) -> None:
    @app.get("/breaks")
    async def breaks() -> None:
        raise RuntimeError("a secret of the inside")

    answer = await as_user().get("/breaks", headers={"X-Request-ID": "request-18"})

    assert answer.status_code == 500
    assert answer.json()["request_id"] == "request-18"
    assert "secret" not in answer.text


async def test_a_database_that_is_gone_is_a_503_that_says_when_to_come_again(
    app: FastAPI, as_user: Client
) -> None:
    class Gone:
        async def check(self) -> None:
            raise StorageUnavailable("The database cannot be reached.")

    app.state.services = replace(app.state.services, health=Gone())
    answer = await as_user(None).get("/health/db")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert (await as_user(None).get("/health")).json() == {"status": "ok"}


async def test_both_healths_answer_without_a_token(as_user: Client) -> None:
    for path in ("/health", "/health/db"):
        assert (await as_user(None).get(path)).json() == {"status": "ok"}


async def test_without_a_valid_token_there_is_nothing(as_user: Client) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic dXNlcjpwYXNz"}):
        answer = await as_user(None).get("/jobs", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")


@pytest.mark.parametrize("given", ["has space", "x" * 129, "semi;colon", ""])
async def test_an_insane_request_id_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    answer = await client.get("/health", headers={"X-Request-ID": given})

    assert answer.headers["X-Request-ID"] != given


async def test_the_page_of_the_documentation_needs_nobody_elses_servers(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    needed = re.findall(r"""(?:src|href|url)[=:] ?["']([^"']+)["']""", page.text)
    answers = [(await client.get(path)).status_code for path in needed]

    assert len(needed) == 4
    assert "://" not in page.text
    assert answers == [200] * 4


async def test_the_documentation_is_served_and_names_every_operation(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    operations = [
        operation["operationId"] for path in document["paths"].values() for operation in path.values()
    ]

    assert len(set(operations)) == len(operations)
    # Clients are generated from these names: one that was there stays.
    assert {
        "health", "health_db", "submit_job", "submit_jobs", "list_jobs", "get_job", "list_job_events",
        "stream_job_events", "explain_job", "cancel_job", "retry_job", "cancel_jobs", "retry_jobs",
        "list_job_types", "get_lifecycle", "jwks", "create_webhook", "create_schedule",
    } <= set(operations)  # fmt: skip


async def test_every_refusal_is_documented_as_a_problem(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    refusals = [
        response["content"]
        for path in document["paths"].values()
        for operation in path.values()
        for status, response in operation["responses"].items()
        if int(status) >= 400
    ]

    assert {media_type for content in refusals for media_type in content} == {"application/problem+json"}
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert (await client.get("/openapi.json")).json() == document


@pytest.mark.parametrize("path", ["/health", "/nowhere", "/jobs?limit=0"])
async def test_every_answer_tells_browsers_what_not_to_do(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)

    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
