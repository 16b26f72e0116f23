"""Whatever a client sends, the answer is a problem that says what is wrong, and never a 500."""

import base64
import json
from typing import Any

import httpx
import pytest

from adapters.local_issuer import LocalIssuer
from domain.identifiers import UserId

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/job_type"),
        ({"job_type": "nobody_knows"}, "/job_type"),
        ({"job_type": "sample_task", "priority": 10}, "/priority"),
        ({"job_type": "sample_task", "surprise": 1}, "/surprise"),
        ({"job_type": "sample_task", "priority": "5"}, "/priority"),
        ({"job_type": "sample_task", "priority": True}, "/priority"),
        ({"job_type": "sample_task", "run_at": "2030-01-01T00:00:00"}, "/run_at"),
        ({"job_type": "sample_task", "run_at": "1893456000"}, "/run_at"),
        ({"job_type": "sample_task", "run_at": 1893456000}, "/run_at"),
        ({"job_type": "sample_task", "run_at": "9999-12-31T23:59:59-05:00"}, "/run_at"),
        ({"job_type": "sample_task", "run_at": "0001-01-01T00:00:00+05:00"}, "/run_at"),
        ({"job_type": "sample_task", "job_parameters": {"steps": "many"}}, "/job_parameters/steps"),
        ({"job_type": "sample_task", "job_parameters": {"unknown": 1}}, "/job_parameters/unknown"),
        (
            {"job_type": "sample_task", "job_parameters": {"result": {"a/b": "\0"}}},
            "/job_parameters/result/a~1b",
        ),
        ({"job_type": "sample_task", "job_parameters": {"result": "\ud800"}}, "/job_parameters/result"),
        ({"job_type": "sample_task", "tags": ["x" * 65]}, "/tags/0"),
        ({"job_type": "sample_task", "job_parameters": []}, "/job_parameters"),
    ],
)
async def test_a_bad_field_is_named(client: httpx.AsyncClient, body: dict[str, Any], pointer: str) -> None:
    # The standard writer escapes what is no character, as a careless client would.
    answer = await client.post("/jobs", content=json.dumps(body), headers=JSON)

    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"", 422),
        (b"[]", 422),
        (b'{"job_type": NaN}', 422),
        (b"[" * 5000, 400),
        (b'{"job_type":"sample_task","job_parameters":{"result":' + b"[" * 40 + b"]" * 40 + b"}}", 422),
        (b'{"job_type":"sample_task","job_parameters":{"result":Infinity}}', 422),
        (b'{"job_type":"sample_task","job_parameters":{"result":"' + b"x" * 300_000 + b'"}}', 422),
        # 80,000 characters, but 320,000 bytes.
        ('{"job_type":"sample_task","job_parameters":{"result":"%s"}}' % ("\U0001f600" * 80_000), 422),
        (b'"' + b"x" * 1_100_000 + b'"', 413),
        (b"\xff\xfe", 400),
    ],
)
async def test_what_cannot_be_read_is_a_problem_and_never_a_500(
    client: httpx.AsyncClient, content: bytes | str, status: int
) -> None:
    answer = await client.post("/jobs", content=content, headers=JSON)

    assert answer.status_code == status
    assert answer.json()["status"] == status


async def test_a_body_in_chunks_is_bounded_too(client: httpx.AsyncClient) -> None:
    async def chunks() -> Any:
        for _ in range(40):
            yield b"x" * 65_536

    answer = await client.post("/jobs", content=chunks(), headers=JSON)

    assert answer.status_code == 413


@pytest.mark.parametrize("length", ["-1", "many", "1048577", "9" * 5000])
async def test_a_body_that_announces_too_much_is_refused_unread(
    client: httpx.AsyncClient, length: str
) -> None:
    answer = await client.post("/jobs", content=b"{}", headers=JSON | {"Content-Length": length})

    assert answer.status_code == 413


async def test_a_cursor_of_another_list_is_refused(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await client.post("/jobs", json={"job_type": "sample_task", "tags": ["a"]})
    link = (await client.get("/jobs?limit=1&tag=a")).headers["Link"]
    cursor = link.split("cursor=")[1].split(">")[0]

    answer = await client.get(f"/jobs?limit=1&cursor={cursor}")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/query/cursor"


def encoded(content: str) -> str:
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "%ff%00",
        "A",
        *map(encoded, ["1", "null", "true", "[]", "[1, 2]", '["a", []]', "{}", '"ab"']),
    ],
)
async def test_a_cursor_that_we_never_gave_out_is_refused(client: httpx.AsyncClient, cursor: str) -> None:
    answer = await client.get(f"/jobs?cursor={cursor}")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/query/cursor"


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "offset=-1", "offset=10001", "status=odd", "tag=%00", "limit=x"]
)
async def test_a_bad_query_names_its_parameter(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/jobs?{query}")

    assert answer.status_code == 422
    # Of a parameter that may be given more than once, the pointer also says which one.
    assert (
        answer.json()["errors"][0]["pointer"].removesuffix("/0")
        == f"/query/{query.split('=', maxsplit=1)[0]}"
    )


@pytest.mark.parametrize("host", ["[::1", "[", "", "a b", "elsewhere.example/x?y"])
@pytest.mark.parametrize("path", ["/nowhere", "/jobs/", "/jobs/1/"])
async def test_the_host_that_a_client_names_changes_nothing(
    client: httpx.AsyncClient, host: str, path: str
) -> None:
    answer = await client.get(path, headers={"Host": host})

    assert answer.status_code == 404
    assert answer.json()["instance"] == path
    assert "Location" not in answer.headers


async def test_the_instance_of_a_problem_is_a_uri_again(client: httpx.AsyncClient) -> None:
    answer = await client.get("/jobs/a%20b%3Fc%FF")

    assert answer.json()["instance"] == "/jobs/a%20b%3Fc%EF%BF%BD"


async def test_roles_that_are_no_text_are_ignored(client: httpx.AsyncClient, issuer: LocalIssuer) -> None:
    odd: tuple[Any, ...] = ({"role": "operator"}, ["operator"], None, 7)
    token = issuer.issue(user_id=UserId("user-1"), roles=odd)
    answer = await client.post(
        "/jobs", json={"job_type": "sample_task"}, headers={"Authorization": f"Bearer {token}"}
    )

    assert answer.status_code == 202
