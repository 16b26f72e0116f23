"""Many jobs in one request."""

from typing import Any

import httpx
import pytest

from entrypoints.api.batches import BatchOut
from tests.entrypoints.api.conftest import Client
from tests.entrypoints.api.test_jobs import submitted

TASK = {"job_type": "sample_task"}


async def batch(client: httpx.AsyncClient, *jobs: Any, **rest: Any) -> dict[str, Any]:
    answer = await client.post("/jobs/batch", json={"jobs": list(jobs)} | rest)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    BatchOut.model_validate(found)
    return found


async def count(client: httpx.AsyncClient) -> int:
    jobs: int = (await client.get("/jobs?count=exact&limit=1")).json()["count"]["jobs"]
    return jobs


async def test_each_job_gets_its_own_answer(client: httpx.AsyncClient) -> None:
    held = await submitted(client, unique_key="invoice-1")
    found = await batch(
        client,
        TASK | {"priority": 3},
        {"job_type": "nobody_knows"},
        TASK | {"priority": 11},
        "no job at all",
        TASK | {"job_parameters": {"result": "\0"}},
        TASK | {"unique_key": "invoice-1"},
        TASK | {"unique_key": "invoice-1", "unique_key_conflict": "return_existing"},
        TASK | {"on_behalf_of": "somebody"},
    )
    results = found["results"]
    pointers = [[error["pointer"] for error in result["problem"]["errors"]] for result in results[1:5]]

    assert [result["status"] for result in results] == [202, 422, 422, 422, 422, 409, 200, 403]
    assert [result["index"] for result in results] == list(range(8))
    assert (found["accepted"], found["refused"]) == (2, 6)
    assert pointers == [["/job_type"], ["/priority"], [""], ["/job_parameters/result"]]
    assert results[5]["problem"]["job_id"] == results[6]["job"]["id"] == held["id"]
    assert (await client.get(f"/jobs/{results[0]['job']['id']}")).json() == results[0]["job"]
    assert await count(client) == 2


async def test_a_thousand_jobs_are_one_request_and_more_are_refused(client: httpx.AsyncClient) -> None:
    # More bytes than a single job may have.
    job = TASK | {"job_parameters": {"result": "x" * 1500}}
    found = await batch(client, *[job] * 1000)
    refused = await client.post("/jobs/batch", json={"jobs": [TASK] * 1001})

    assert found["accepted"] == 1000
    assert len({result["job"]["id"] for result in found["results"]}) == 1000
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/jobs"
    assert await count(client) == 1000


@pytest.mark.parametrize("body", [{}, {"jobs": []}, {"jobs": {}}, {"jobs": [TASK], "more": 1}, []])
async def test_what_is_no_batch_is_refused(client: httpx.AsyncClient, body: Any) -> None:
    assert (await client.post("/jobs/batch", json=body)).status_code == 422


async def test_all_or_nothing_accepts_nothing_when_one_is_refused(client: httpx.AsyncClient) -> None:
    held = await submitted(client, unique_key="invoice-1")
    bodies: list[tuple[dict[str, Any], str]] = [
        (TASK | {"priority": "high"}, "/jobs/1/priority"),
        ({"job_type": "nobody_knows"}, "/jobs/1/job_type"),
        (TASK | {"unique_key": "invoice-1"}, "/jobs/1/unique_key"),
    ]
    for bad, pointer in bodies:
        answer = await client.post("/jobs/batch", json={"jobs": [TASK, bad], "all_or_nothing": True})
        assert answer.status_code == 422
        assert answer.json()["type"] == "/problems/batch-refused"
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert held["id"] in answer.text
    assert await count(client) == 1


async def test_all_or_nothing_accepts_everything_otherwise(client: httpx.AsyncClient) -> None:
    found = await batch(client, TASK, TASK | {"unique_key": "u"}, all_or_nothing=True)

    assert [result["status"] for result in found["results"]] == [202, 202]
    assert await count(client) == 2


@pytest.mark.parametrize("all_or_nothing", [False, True])
async def test_a_batch_that_is_sent_again_makes_no_second_jobs(
    client: httpx.AsyncClient, all_or_nothing: bool
) -> None:
    body = {"jobs": [TASK, TASK | {"idempotency_key": "own"}], "all_or_nothing": all_or_nothing}
    first, again = [
        (await client.post("/jobs/batch", json=body, headers={"Idempotency-Key": "batch-1"})).json()[
            "results"
        ]
        for _ in range(2)
    ]
    single = await client.post("/jobs", json=TASK, headers={"Idempotency-Key": "own"})

    assert [result["is_replay"] for result in first + again] == [False, False, True, True]
    assert [result["job"] for result in first] == [result["job"] for result in again]
    assert single.json() == first[1]["job"]
    assert await count(client) == 2


async def test_a_batch_is_its_senders(as_user: Client) -> None:
    await submitted(as_user("user-1"), unique_key="invoice-1")
    found = await batch(as_user("user-2"), TASK | {"unique_key": "invoice-1"})

    assert found["accepted"] == 1
    assert (await as_user(None).post("/jobs/batch", json={"jobs": [TASK]})).status_code == 401
