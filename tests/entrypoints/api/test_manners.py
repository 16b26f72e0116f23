"""What HTTP itself promises (RFC 9110), and what a hostile client tries with it."""

import gzip
from typing import Any

import httpx
import pytest

from entrypoints.api.problems import kinds
from tests.entrypoints.api.conftest import Client
from tests.entrypoints.api.test_jobs import submitted

JSON = {"Content-Type": "application/json"}
SUBMISSION = b'{"job_type": "sample_task"}'
# Beyond 64 bits, which a reader that makes a float of it would round.
LARGE = 123456789012345678901234567890


async def test_head_is_get_without_the_body(client: httpx.AsyncClient) -> None:
    job = await submitted(client)
    for path in ("/jobs", f"/jobs/{job['id']}", f"/jobs/{job['id']}/events", "/lifecycle", "/health"):
        got, asked = await client.get(path), await client.head(path)

        assert (asked.status_code, asked.content) == (200, b"")
        assert asked.headers["Content-Length"] == got.headers["Content-Length"]
        assert asked.headers.get("ETag") == got.headers.get("ETag")
    assert (await client.head("/jobs/nonsense")).status_code == 404


async def test_what_does_not_end_has_no_head(client: httpx.AsyncClient) -> None:
    job = await submitted(client)
    answer = await client.head(f"/jobs/{job['id']}/events/stream")

    assert answer.status_code == 405


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/jobs", "GET, HEAD, OPTIONS, POST"),
        ("/jobs/x", "GET, HEAD, OPTIONS"),
        ("/events/stream", "GET, OPTIONS"),
        ("/jobs/batch", "OPTIONS, POST"),
        ("/jobs:cancel", "OPTIONS, POST"),
    ],
)
async def test_a_resource_says_what_it_knows(client: httpx.AsyncClient, path: str, allowed: str) -> None:
    refused, asked = await client.put(path), await client.options(path)

    assert (refused.status_code, refused.headers["Allow"]) == (405, allowed)
    assert (asked.status_code, asked.headers["Allow"]) == (204, allowed)


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_that_is_not_said_to_be_json_is_a_415(
    client: httpx.AsyncClient, media_type: str
) -> None:
    answer = await client.post("/jobs", content=SUBMISSION, headers={"Content-Type": media_type})

    assert answer.status_code == 415
    assert answer.headers["Accept"] == "application/json"
    assert "Content-Type: application/json" in answer.json()["detail"]


async def test_a_compressed_body_is_a_415_that_says_so(client: httpx.AsyncClient) -> None:
    headers = JSON | {"Content-Encoding": "gzip"}
    answer = await client.post("/jobs", content=gzip.compress(SUBMISSION), headers=headers)

    assert answer.status_code == 415
    assert answer.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "application/vnd.us+json"])
async def test_json_by_another_name_is_json(client: httpx.AsyncClient, media_type: str) -> None:
    answer = await client.post("/jobs", content=SUBMISSION, headers={"Content-Type": media_type})

    assert answer.status_code == 202


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"x"'])
async def test_what_is_wrong_with_the_whole_body_points_to_all_of_it(
    client: httpx.AsyncClient, body: bytes
) -> None:
    answer = await client.post("/jobs", content=body, headers=JSON)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [""]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/jobs?stat=failed"), ("POST", "/jobs?stat=1"), ("GET", "/lifecycle?stat=")]
)
async def test_an_unknown_parameter_is_refused_like_an_unknown_field(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    body: dict[str, Any] = {"content": SUBMISSION, "headers": JSON} if method == "POST" else {}
    answer = await client.request(method, path, **body)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/query/stat"]


async def test_who_brings_no_token_learns_nothing_else(as_user: Client) -> None:
    for body in (b'{"job_type": "\\u0000"}', b'{"job_type": 5}', SUBMISSION):
        answer = await as_user(None).post("/jobs", content=body, headers=JSON)

        assert answer.status_code == 401


@pytest.mark.parametrize("tags", ["*", '"1"', 'W/"1"', '"7", "1"'])
async def test_a_job_that_is_known_is_not_sent_again(client: httpx.AsyncClient, tags: str) -> None:
    job = await submitted(client)
    answer = await client.get(f"/jobs/{job['id']}", headers={"If-None-Match": tags})

    assert (answer.status_code, answer.headers["ETag"], answer.content) == (304, '"1"', b"")


@pytest.mark.parametrize(
    ("tags", "status"),
    [('"1"', 200), ('W/"1"', 200), ("*", 200), ('"7", "1"', 200), ('"7"', 412), ("1", 412), ('"x"', 412)],
)
async def test_an_act_is_done_to_a_version_that_is_named(
    client: httpx.AsyncClient, tags: str, status: int
) -> None:
    job = await submitted(client)
    answer = await client.post(f"/jobs/{job['id']}/cancel", json={"reason": "r"}, headers={"If-Match": tags})

    assert answer.status_code == status
    if status == 412:
        assert answer.headers["ETag"] == '"1"'
        assert answer.json()["version"] == 1
        assert "-1" not in answer.json()["detail"].replace(job["id"], "")


async def test_an_id_is_the_same_in_capitals(client: httpx.AsyncClient) -> None:
    job = await submitted(client)

    assert (await client.get(f"/jobs/{job['id'].upper()}")).json() == job


async def test_numbers_beyond_64_bits_come_back_exactly(client: httpx.AsyncClient) -> None:
    parameters = {"result": [LARGE, -LARGE, 2**63, -(2**63) - 1, 2**64]}
    job = await submitted(client, job_parameters=parameters)

    assert job["job_parameters"] == parameters
    assert (await client.get(f"/jobs/{job['id']}")).json()["job_parameters"] == parameters


@pytest.mark.parametrize("result", [{"z": 1, "a": {"y": 1, "b": 2}}, {"z": 1.5, "a": LARGE}])
async def test_the_same_answer_again_is_the_same_to_the_byte(client: httpx.AsyncClient, result: Any) -> None:
    body = {"job_type": "sample_task", "job_parameters": {"steps": 2, "result": result}}
    first, again = [await client.post("/jobs", json=body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    now = await client.get(first.headers["Location"])

    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.content == again.content == now.content


async def test_links_say_what_may_be_asked_of_a_job_now(client: httpx.AsyncClient) -> None:
    job = await submitted(client)
    place = job["links"]["self"]
    cancelled = (await client.post(job["links"]["cancel"], json={"reason": "r"})).json()
    retried = (await client.post(cancelled["links"]["retry"], json={"reason": "r"})).json()

    assert set(job["links"]) == set(retried["links"]) == {"self", "events", "explain", "cancel"}
    assert set(cancelled["links"]) == {"self", "events", "explain", "retry"}
    for name in ("self", "events", "explain"):
        assert (await client.get(retried["links"][name])).status_code == 200
    assert (await client.get(place)).json()["links"] == retried["links"]


@pytest.mark.parametrize(
    ("as_of", "told"),
    [("9", "has come to version 1, not 9"), ("2020-01-01T00:00:00Z", "was not there yet")],
)
async def test_a_moment_that_a_job_does_not_have_is_named(
    client: httpx.AsyncClient, as_of: str, told: str
) -> None:
    job = await submitted(client)
    answer = await client.get(f"/jobs/{job['id']}?as_of={as_of}")

    assert answer.status_code == 404
    assert told in answer.json()["detail"]


@pytest.mark.parametrize("as_of", ["0", "-1", "x", "99999999999", "2030-01-01", "position:0"])
async def test_no_moment_at_all_has_one_reason(client: httpx.AsyncClient, as_of: str) -> None:
    job = await submitted(client)
    answer = await client.get(f"/jobs/{job['id']}?as_of={as_of}")

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/query/as_of"]


async def test_an_estimate_is_not_below_what_is_on_the_page(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await submitted(client)
    page = (await client.get("/jobs?count=estimated")).json()

    assert page["count"]["jobs"] >= len(page["jobs"]) == 3


async def test_the_index_leads_people_to_the_dashboard_and_programs_to_the_rest(
    as_user: Client,
) -> None:
    stranger = as_user(None)
    browser = await stranger.get("/", headers={"Accept": "text/html,*/*"})
    program = await stranger.get("/")

    assert (browser.status_code, browser.headers["Location"]) == (303, "/dashboard")
    statuses = {
        name: (await stranger.get(path)).status_code for name, path in program.json()["links"].items()
    }
    assert {status for status in statuses.values() if status not in (200, 303)} == {401}
    assert 'rel="service-desc"' in program.headers["Link"]


async def test_the_type_of_every_problem_says_what_it_means(as_user: Client) -> None:
    stranger = as_user(None)
    listed = (await stranger.get("/problems")).json()["problems"]

    assert [problem["type"] for problem in listed] == [f"/problems/{kind.slug}" for kind in kinds()]
    for problem in listed:
        assert (await stranger.get(problem["type"])).json() == problem
        assert problem["advice"].endswith(".")
    assert (await stranger.get("/problems/unheard-of")).json()["status"] == 404


async def test_a_reason_of_blanks_is_none(client: httpx.AsyncClient) -> None:
    job = await submitted(client)
    answer = await client.post(job["links"]["cancel"], json={"reason": " \n"})

    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": "/reason", "detail": "A reason has words in it."}]
