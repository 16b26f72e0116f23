"""What clients are told of jobs whose month was archived."""

import httpx
import psycopg
import pytest

from tests.conftest import TestDatabase

JOB = "/jobs/019b7a4f-6000-7000-8000-000000000001"


@pytest.fixture(autouse=True)
def archived(database: TestDatabase) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute(
            "INSERT INTO jobledger.archived_months (month, archived_at, jobs, events, file, sha256)"
            " VALUES ('2026-01-01', now(), 1, 2, 'jobledger-2026-01.ndjson.gz', repeat('0', 64))"
        )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", JOB),
        ("GET", f"{JOB}/events"),
        ("GET", f"{JOB}/events/stream"),
        ("POST", f"{JOB}/cancel"),
        ("POST", f"{JOB}/retry"),
    ],
)
async def test_everything_about_an_archived_job_answers_where_it_is(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await client.request(method, path, json={"reason": "why"} if method == "POST" else None)
    problem = answer.json()

    assert answer.status_code == 410
    assert problem["type"] == "/problems/archived"
    assert (problem["month"], problem["file"]) == ("2026-01", "jobledger-2026-01.ndjson.gz")


@pytest.mark.parametrize("job_id", ["019c7a4f-6000-7000-8000-000000000001", "no-id"])
async def test_a_job_of_another_month_is_still_not_found(client: httpx.AsyncClient, job_id: str) -> None:
    answer = await client.get(f"/jobs/{job_id}")

    assert answer.status_code == 404
