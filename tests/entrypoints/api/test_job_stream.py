"""Waiting for a job, following it, and seeing it as it was."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI

from domain.identifiers import JobId
from entrypoints.api.job_stream import HEARTBEAT, tell_events
from entrypoints.services import Services
from tests.entrypoints.api.conftest import Client
from tests.entrypoints.api.test_jobs import submitted

FAR = datetime.now(UTC) + timedelta(hours=1)
UNKNOWN = "019a0000-0000-7000-8000-00000000000a"


async def cancel(client: httpx.AsyncClient, job_id: str) -> None:
    assert (await client.post(f"/jobs/{job_id}/cancel", json={"reason": "enough"})).status_code == 200


async def until_watched(app: FastAPI) -> None:
    while not app.state.watch.watched:
        await asyncio.sleep(0)


def ids(stream: str) -> list[int]:
    return [int(found) for found in re.findall(r"^id: (\d+)$", stream, re.MULTILINE)]


async def test_who_prefers_to_wait_is_answered_when_the_job_changes(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    job = await submitted(client)
    headers = {"Prefer": "respond-async, wait=60", "If-None-Match": '"1"'}
    asking = asyncio.create_task(client.get(f"/jobs/{job['id']}", headers=headers))
    await until_watched(app)
    await cancel(client, job["id"])
    answer = await asking

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.headers["ETag"]) == ("cancelled", '"2"')
    assert answer.headers["Preference-Applied"] == "wait=30"
    assert app.state.watch.watched == 0


async def test_nobody_waits_for_a_job_that_ended_or_already_changed(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    waiting = await submitted(client)
    ended = await submitted(client)
    await cancel(client, ended["id"])
    app.state.watch.moved_on = None
    news = await client.get(f"/jobs/{waiting['id']}", headers={"Prefer": "wait=30", "If-None-Match": '"7"'})
    last = await client.get(f"/jobs/{ended['id']}", headers={"Prefer": "wait=30"})

    assert [news.status_code, last.status_code] == [200, 200]


@pytest.mark.parametrize("prefer", ["wait=0", "wait=x", "await=30", "wait"])
async def test_a_wait_of_nothing_or_nonsense_is_none(client: httpx.AsyncClient, prefer: str) -> None:
    job = await submitted(client)
    headers = {"Prefer": prefer, "If-None-Match": '"1"'}

    assert (await client.get(f"/jobs/{job['id']}", headers=headers)).status_code == 304


async def test_a_job_is_shown_as_it_was(client: httpx.AsyncClient) -> None:
    job = await submitted(client)
    await cancel(client, job["id"])
    now = (await client.get(f"/jobs/{job['id']}")).json()

    async def at(as_of: str) -> httpx.Response:
        return await client.get(f"/jobs/{job['id']}", params={"as_of": as_of})

    assert (await at("1")).json() == (await at(job["created_at"])).json() == job
    assert (await at("2")).json() == (await at("2100-01-01T00:00:00Z")).json() == now
    assert [(await at(when)).status_code for when in ("3", "2020-01-01T00:00:00Z")] == [404, 404]
    assert [(await at(when)).status_code for when in ("0", "yesterday")] == [422, 422]


async def test_a_stream_tells_each_event_once_and_ends_after_the_last(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    job = await submitted(client)
    following = asyncio.create_task(client.get(f"/jobs/{job['id']}/events/stream"))
    await until_watched(app)
    await cancel(client, job["id"])
    answer = await following
    history = (await client.get(job["links"]["events"])).json()["events"]

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert ids(answer.text) == [1, 2]
    told = [json.loads(found) for found in re.findall(r"^data: (.*)$", answer.text, re.MULTILINE)]
    assert told == history


async def test_who_comes_back_is_told_what_is_new_and_then_to_stay_away(client: httpx.AsyncClient) -> None:
    job = await submitted(client)
    await cancel(client, job["id"])
    path = f"/jobs/{job['id']}/events/stream"

    assert ids((await client.get(path, params={"after": 1})).text) == [2]
    assert ids((await client.get(path, params={"after": 2}, headers={"Last-Event-ID": "0"})).text) == [1, 2]
    assert (await client.get(path, headers={"Last-Event-ID": "2"})).status_code == 204
    assert (await client.get(path, headers={"Last-Event-ID": "x"})).status_code == 422


async def test_a_stream_beats_while_nothing_happens(
    app: FastAPI, services: Services, client: httpx.AsyncClient
) -> None:
    job = await submitted(client)
    told = tell_events(
        services, app.state.watch, JobId(job["id"]), after=1, until=FAR, heartbeat_seconds=0.01
    )

    assert [await anext(told), await anext(told)] == [HEARTBEAT, HEARTBEAT]
    app.state.watch.close()
    assert [text async for text in told] == []


async def test_a_stream_ends_with_its_token_and_with_its_server(
    app: FastAPI, services: Services, client: httpx.AsyncClient
) -> None:
    job = await submitted(client)
    now = services.clock.now()
    expired = tell_events(services, app.state.watch, JobId(job["id"]), after=0, until=now)
    following = asyncio.create_task(client.get(f"/jobs/{job['id']}/events/stream"))
    await until_watched(app)
    app.state.watch.close()

    assert [text async for text in expired] == []
    assert ids((await following).text) == [1]


async def test_other_peoples_streams_are_not_found(as_user: Client) -> None:
    job = await submitted(as_user("user-1"))
    await cancel(as_user("user-1"), job["id"])
    stranger = as_user("user-2")

    for job_id in (job["id"], UNKNOWN):
        assert (await stranger.get(f"/jobs/{job_id}/events/stream")).status_code == 404
        assert (await stranger.get(f"/jobs/{job_id}?as_of=1")).status_code == 404
        waiting = await stranger.get(f"/jobs/{job_id}", headers={"Prefer": "wait=30"})
        assert waiting.status_code == 404
    auditor = as_user("auditor-1", "auditor")
    assert ids((await auditor.get(f"/jobs/{job['id']}/events/stream")).text) == [1, 2]
