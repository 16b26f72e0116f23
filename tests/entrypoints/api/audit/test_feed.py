"""Auditors read the whole history: by position, filtered, awaited, as it happens; and nobody else does."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
from fastapi import FastAPI

from domain.ports.ledger_reading import EVERYTHING, EventFilter
from entrypoints.api.feed import FeedPage, tell_events
from entrypoints.api.watching import FeedWatch
from entrypoints.services import Services
from tests.entrypoints.api.audit.conftest import SIZE
from tests.entrypoints.api.conftest import Client
from tests.fakes.ledger import ListedLedger, job, sealed


def positions(page: dict[str, Any]) -> list[int]:
    return [event["position"] for event in page["events"]]


async def test_the_whole_history_is_read_page_by_page(auditor: httpx.AsyncClient) -> None:
    seen: list[int] = []
    link: str | None = "/events?limit=60"
    while link:
        answer = await auditor.get(link)
        page = FeedPage.model_validate(answer.json())
        seen += [event.position for event in page.events]
        link = page.next
        assert ("Link" in answer.headers) == (link is not None)

    assert seen == list(range(1, SIZE + 1))
    assert page.after == SIZE


FILTERS: list[tuple[dict[str, str | int], list[int]]] = [
    ({"job_id": job(7)}, [8, 58, 108, 158, 208]),
    ({"type": "JobCompleted", "after": 245}, [246, 247, 248, 249, 250]),
    ({"actor_id": "somebody"}, []),
    ({"since": "2026-06-01T12:00:00.003Z", "until": "2026-06-01T12:00:00.005Z"}, [3, 4]),
]


async def test_events_are_filtered(auditor: httpx.AsyncClient) -> None:
    for query, found in FILTERS:
        page = (await auditor.get("/events", params=query)).json()

        assert positions(page) == found
        # Nothing else matches up to here, so that nobody needs to look there again.
        assert (page["after"], page["next"]) == (SIZE, None)


async def test_the_next_page_keeps_every_filter(auditor: httpx.AsyncClient) -> None:
    query = {"type": "JobSubmitted", "since": "2026-06-01T12:00:00.010Z", "limit": "30"}
    page = (await auditor.get("/events", params=query)).json()
    last = (await auditor.get(page["next"])).json()

    assert positions(page) + positions(last) == list(range(10, 51))


async def test_a_filter_that_makes_no_sense_is_refused(auditor: httpx.AsyncClient) -> None:
    for query in ("job_id=7", "type=JobPaid", "since=yesterday", "after=-1", "limit=201", "until=1700000000"):
        assert (await auditor.get(f"/events?{query}")).status_code == 422, query


async def test_only_auditors_read_the_whole_history(as_user: Client) -> None:
    for path in ("/events", "/events/stream", "/audit/export"):
        assert (await as_user("user-1").get(path)).status_code == 403
        assert (await as_user("root", "operator").get(path)).status_code == 403
        assert (await as_user(None).get(path)).status_code == 401


async def test_an_auditor_waits_for_the_next_event(auditor: httpx.AsyncClient, ledger: ListedLedger) -> None:
    waiting = asyncio.create_task(auditor.get(f"/events?after={SIZE}", headers={"Prefer": "wait=30"}))
    read = sealed(SIZE + 1, job(900), 1, "HistoryRead", {"route": "/events"})
    ledger.events.append(read)
    done, _ = await asyncio.wait([waiting], timeout=0.6)
    # What auditors read wakes no auditor.
    assert not done
    ledger.events.append(sealed(SIZE + 2, job(901), 1, "JobSubmitted", {"user_id": "user-2"}))
    answer = await waiting

    assert positions(answer.json()) == [SIZE + 1, SIZE + 2]
    assert answer.headers["Preference-Applied"] == "wait=30"


async def test_waiting_ends_in_time_with_an_empty_page(auditor: httpx.AsyncClient) -> None:
    answer = await auditor.get(f"/events?after={SIZE}", headers={"Prefer": "wait=0"})

    assert answer.json() == {"events": [], "after": SIZE, "next": None}


async def told(
    services: Services, which: EventFilter = EVERYTHING, *, after: int, heartbeat_seconds: float = 30
) -> tuple[FeedWatch, AsyncIterator[bytes]]:
    watch = FeedWatch(lambda: services, poll_seconds=0.01)
    until = services.clock.now() + timedelta(hours=1)
    return watch, tell_events(
        services, watch, which, after=after, until=until, heartbeat_seconds=heartbeat_seconds
    )


async def test_a_stream_goes_on_from_the_last_event_and_leaves_nothing_out(
    services: Services, ledger: ListedLedger
) -> None:
    watch, stream = await told(services, after=SIZE - 2)
    first = [await anext(stream), await anext(stream)]
    ledger.events.append(sealed(SIZE + 1, job(900), 1, "JobSubmitted", {"user_id": "user-2"}))
    third = await anext(stream)
    watch.close()

    assert [piece.splitlines()[0] for piece in [*first, third]] == [b"id: 249", b"id: 250", b"id: 251"]
    assert third.splitlines()[1] == b"event: JobSubmitted"
    assert b"event:" not in b"".join([piece async for piece in stream])


async def test_a_heartbeat_says_how_far_nothing_matched(services: Services) -> None:
    _, stream = await told(services, EventFilter(actor_id="nobody"), after=0, heartbeat_seconds=0.01)

    assert await anext(stream) == f": still here\nid: {SIZE}\n\n".encode()


async def test_last_event_id_goes_before_after(auditor: httpx.AsyncClient, app: FastAPI) -> None:
    app.state.feed_watch.close()
    answer = await auditor.get("/events/stream?after=7", headers={"Last-Event-ID": str(SIZE)})

    assert (answer.status_code, answer.content) == (200, b"")
    assert (await auditor.get("/events/stream", headers={"Last-Event-ID": "x"})).status_code == 422
