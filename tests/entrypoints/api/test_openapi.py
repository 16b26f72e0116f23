"""What the OpenAPI document says is what is sent: examples, headers, statuses and problems."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.docs.test_openapi_examples import PROBLEM, mistakes, operations
from tests.entrypoints.api.conftest import Client
from tests.entrypoints.api.story import PROVING, STEPS, told

# Of every answer of any server, or of this one's layers.
OF_HTTP = {"content-type", "content-length", "x-accel-buffering", "content-disposition"}
OF_LAYERS = {"x-content-type-options", "cache-control", "referrer-policy", "x-frame-options"}


@pytest.fixture(name="document")
def document_of(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def test_links_lead_to_operations_that_there_are(document: dict[str, Any]) -> None:
    there = operations(document)
    links = [
        (name, link)
        for operation in there.values()
        for response in operation["responses"].values()
        for name, link in response.get("links", {}).items()
    ]

    assert len(links) > 10
    for name, link in links:
        names = {parameter["name"] for parameter in there[name]["parameters"]}
        assert (link["operationId"], link["parameters"].keys() <= names) == (name, True)


async def test_the_story_of_the_examples_is_answered_as_described(
    document: dict[str, Any], as_user: Client
) -> None:
    there = operations(document)
    requests = {
        named: next(iter(operation["requestBody"]["content"].values()))["example"]
        for named, operation in there.items()
        if "requestBody" in operation
    }
    wrong: list[Any] = []
    steps = tuple(step for step in STEPS if step.operation not in PROVING)
    async for step, answer in told(as_user("ana", "auditor", "operator"), requests, steps):
        if answer.status_code != step.status:
            wrong.append((step, answer.status_code, answer.text))
        wrong += [(step.operation, it) for it in undescribed(document, there[step.operation], answer)]

    assert wrong == []
    streams = {"stream_job_events", "stream_events"}
    assert {step.operation for step in STEPS} == there.keys() - streams


@pytest.mark.parametrize(
    ("named", "method", "path", "headers", "body"),
    [
        ("get_job", "GET", "/jobs/x", {}, None),
        ("list_jobs", "GET", "/jobs?limit=0", {}, None),
        ("list_jobs", "GET", "/jobs", {"Authorization": ""}, None),
        ("list_jobs", "GET", "/jobs?stat=failed", {}, None),
        ("submit_job", "POST", "/jobs", {"Content-Type": "text/plain"}, b"x"),
        ("submit_job", "POST", "/jobs", {"Content-Type": "application/json"}, b"{"),
        ("submit_job", "POST", "/jobs", {"Content-Length": "9999999"}, b"{"),
        ("get_checkpoint", "GET", "/audit/checkpoint", {}, None),
        ("list_events", "GET", "/events", {}, None),
        ("get_problem", "GET", "/problems/unheard-of", {}, None),
    ],
)
async def test_a_refusal_is_answered_as_described(
    document: dict[str, Any],
    client: httpx.AsyncClient,
    named: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes | None,
) -> None:
    answer = await client.request(method, path, headers=headers, content=body)

    assert 400 <= answer.status_code < 500
    assert undescribed(document, operations(document)[named], answer) == []
    examples = operations(document)[named]["responses"][str(answer.status_code)]["content"][PROBLEM][
        "examples"
    ]
    assert answer.json()["type"].removeprefix("/problems/") in examples


def undescribed(document: dict[str, Any], operation: dict[str, Any], answer: httpx.Response) -> list[str]:
    """What an answer has beyond, or against, its description."""
    described = operation["responses"].get(str(answer.status_code))
    if described is None:
        return [f"{answer.status_code} is not described"]
    headers = {name.lower() for name in described["headers"]} | OF_HTTP | OF_LAYERS
    found = [f"header {name}" for name in answer.headers if name not in headers]
    media_type = answer.headers.get("Content-Type", "").partition(";")[0]
    if not answer.content or media_type not in described.get("content", {}):
        return [*found, *([f"{media_type} is not described"] if answer.content else [])]
    if not media_type.endswith("json") or media_type.endswith("ndjson"):
        return found
    return found + mistakes(document, described["content"][media_type]["schema"], answer.json())
