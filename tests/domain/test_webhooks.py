"""Webhooks: who hears of what, exactly once, signed so that the standard's own library believes it."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from adapters.system import SystemClock
from domain import decisions
from domain.audit import WebhookEndpointChanged
from domain.errors import EndpointNotFound, InvalidSubmission
from domain.identifiers import JobId, UserId
from domain.job_types import NotRetryable
from domain.ports.event_store import Appended, Change
from domain.ports.job_views import JobFilter
from domain.ports.ledger_reading import EventFilter
from domain.ports.outbound_http import OutboundAnswer, OutboundRequest
from domain.retries import delay_seconds
from domain.use_cases.command import Caller
from domain.use_cases.hand_to_webhooks import hand_to_webhooks
from domain.use_cases.webhook_endpoints import (
    change_endpoint,
    create_endpoint,
    find_endpoint,
    redeliver,
    remove_endpoint,
)
from domain.views import JobView
from domain.webhook_delivery import Deliverer, Delivery, NotDelivered
from domain.webhooks import (
    DELIVERY_RETRIES,
    Endpoint,
    EndpointStatus,
    owner_of_deliveries,
    signed_headers,
    written_secret,
)
from tests.builders import NOW, provenance, submission
from tests.domain.test_sample_task import Context
from tests.fakes.ports import InMemoryPorts, in_memory_ports
from tests.fakes.system import CountingIds, CountingSecrets

ME, OTHER = UserId("user-1"), UserId("user-2")
URL = "https://example.org/hook"


@dataclass
class World:
    """One service in memory, and a receiver who answers with what they are told to."""

    ports: InMemoryPorts = field(default_factory=in_memory_ports)
    ids: CountingIds = field(default_factory=CountingIds)
    secrets: CountingSecrets = field(default_factory=CountingSecrets)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    received: list[OutboundRequest] = field(default_factory=list)

    async def send(self, request: OutboundRequest) -> OutboundAnswer:
        self.received.append(request)
        return OutboundAnswer(status=self.status, url=request.url, headers=self.headers, body=b"")

    async def endpoint(self, user_id: UserId = ME, *event_types: str, url: str = URL) -> Endpoint:
        ports = self.ports
        return await create_endpoint(
            ports.endpoints, ports.ledger, ports.audit, ports.clock, self.ids, self.secrets,
            caller=Caller(user_id, provenance()), url=url, event_types=event_types, description="",
        )  # fmt: skip

    async def submit(self, user_id: UserId = ME) -> JobView:
        (outcome,) = await self.ports.store.append([submission(user_id=user_id)])
        assert isinstance(outcome, Appended)
        return outcome.after

    async def cancel(self, view: JobView) -> None:
        event = decisions.cancel(view.job, reason="enough")
        change = Change(job_id=view.job.id, before=view, event=event, provenance=provenance())
        await self.ports.store.append([change])

    async def hand_over(self, limit: int = 100) -> int:
        ports = self.ports
        await ports.ledger.seal(limit=1000)
        return await hand_to_webhooks(
            ports.ledger, ports.endpoints, ports.views, ports.store, ports.hints, ports.clock, self.ids,
            limit=limit,
        )  # fmt: skip

    async def deliveries(self, user_id: UserId = ME) -> list[tuple[str, int]]:
        which = JobFilter(user_id=owner_of_deliveries(user_id))
        page = await self.ports.views.newest(which, limit=1000, look=None)
        found: list[Any] = [view.job_parameters for view in page.views]
        return sorted((asked["endpoint_id"], asked["position"]) for asked in found)

    async def deliver(self, endpoint: Endpoint, position: int) -> Any:
        ports = self.ports
        deliverer = Deliverer(ports.endpoints, ports.ledger, self, ports.audit, ports.clock, self.ids)
        parameters = Delivery(endpoint_id=endpoint.id, position=position)
        return await deliverer.deliver(Context(), parameters)


@pytest.fixture
def world() -> World:
    return World()


def at_position(endpoint: Endpoint, *positions: int) -> list[tuple[str, int]]:
    return [(endpoint.id, position) for position in positions]


async def position_of(world: World, job_id: JobId, event_type: str) -> int:
    found = await world.ports.ledger.read(EventFilter(job_id=job_id, type=event_type), after=0, limit=10)
    return found[-1].position


async def test_an_endpoint_hears_of_its_users_events_from_its_creation_on(world: World) -> None:
    before = await world.submit()
    await world.ports.ledger.seal(limit=100)
    mine = await world.endpoint()
    await world.cancel(before)
    other = await world.submit(OTHER)
    await world.hand_over()

    assert await world.deliveries() == at_position(
        mine, await position_of(world, before.job.id, "JobCancelled")
    )
    assert await world.deliveries(OTHER) == []
    assert other.job.user_id == OTHER


async def test_an_endpoint_hears_only_of_the_types_it_asks_for(world: World) -> None:
    mine = await world.endpoint(ME, "JobCancelled")
    view = await world.submit()
    await world.cancel(view)
    await world.hand_over()

    assert await world.deliveries() == at_position(
        mine, await position_of(world, view.job.id, "JobCancelled")
    )


async def test_deliveries_tell_of_no_deliveries(world: World) -> None:
    await world.endpoint()
    await world.submit()
    for _ in range(5):
        await world.hand_over()

    assert len(await world.deliveries()) == 1


async def test_an_event_that_is_handed_over_twice_is_delivered_once(world: World) -> None:
    await world.endpoint()
    await world.submit()
    cursor = await world.ports.endpoints.cursor()
    await world.hand_over()
    moved = await world.ports.endpoints.cursor()
    # As if it had died before the cursor moved.
    assert await world.ports.endpoints.advance(after=moved.position, to=cursor.position)
    await world.hand_over()

    assert len(await world.deliveries()) == 1


async def test_the_feed_is_handed_over_in_steps_and_to_its_end(world: World) -> None:
    await world.endpoint()
    for _ in range(10):
        await world.submit()
    while await world.hand_over(limit=3):
        pass

    assert len(await world.deliveries()) == 10


async def test_what_happened_while_nobody_listened_is_not_looked_at_later(world: World) -> None:
    await world.submit()
    await world.hand_over()

    cursor = await world.ports.endpoints.cursor()
    assert cursor.position == await world.ports.ledger.last_position()


async def test_the_standards_own_library_verifies_what_is_sent(world: World) -> None:
    mine = await world.endpoint()
    view = await world.submit()
    await world.hand_over()
    position = await position_of(world, view.job.id, "JobSubmitted")
    result = await world.deliver(mine, position)

    (request,) = world.received
    assert request.body is not None
    assert result == {"status": 200, "message_id": f"{mine.id}.{position}"}
    assert (request.method, request.url, request.max_redirects) == ("POST", URL, 0)
    event = json.loads(request.body)
    assert (event["specversion"], event["type"], event["subject"]) == ("1.0", "JobSubmitted", view.job.id)
    assert int(event["sequence"]) == position
    verified(mine, request)
    with pytest.raises(WebhookVerificationError):
        verified(mine._replace(secret=b"another secret"), request)


def verified(endpoint: Endpoint, request: OutboundRequest) -> None:
    """By the standard's library, at the time at which it was sent."""
    assert request.body is not None
    headers = dict(request.headers)
    library = Webhook(written_secret(endpoint.secret))
    # The library allows five minutes by the real clock; the simulated one may be far from it.
    at = int(headers["webhook-timestamp"])
    signature = library.sign(
        headers["webhook-id"], NOW.fromtimestamp(at, tz=NOW.tzinfo), request.body.decode()
    )
    if signature not in headers["webhook-signature"].split():
        raise WebhookVerificationError("no signature matches")


def test_a_message_signed_now_passes_the_librarys_verification_as_it_stands() -> None:
    endpoint = Endpoint(
        id="e", user_id=ME, url=URL, event_types=(), description="", secret=b"s" * 32, after_position=0,  # type: ignore[arg-type]  # any text will do
        created_at=NOW,
    )  # fmt: skip
    body = b'{"a": 1}'
    headers = signed_headers(endpoint, message="m.1", body=body, at=SystemClock().now())

    assert Webhook(written_secret(endpoint.secret)).verify(body.decode(), dict(headers)) == {"a": 1}


async def test_for_a_day_after_a_rotation_both_secrets_verify(world: World) -> None:
    old = await world.endpoint()
    at = world.ports.clock.now()
    new = await change_endpoint(
        world.ports.endpoints, world.ports.audit, caller=Caller(ME, provenance()), endpoint_id=old.id,
        change=lambda before: before.rotated(b"new" * 11, at=at), named="secret_rotated",
    )  # fmt: skip
    view = await world.submit()
    await world.hand_over()
    position = await position_of(world, view.job.id, "JobSubmitted")
    await world.deliver(old, position)
    world.ports.clock.advance(timedelta(days=1).total_seconds())
    await world.deliver(old, position)

    first, second = world.received
    verified(old, first)
    verified(new, first)
    verified(new, second)
    with pytest.raises(WebhookVerificationError):
        verified(old, second)


@pytest.mark.parametrize("status", [301, 400, 404, 429, 500, 503])
async def test_whatever_is_no_success_is_offered_again(world: World, status: int) -> None:
    mine = await world.endpoint()
    await world.submit()
    await world.hand_over()
    world.status, world.headers = status, {"retry-after": "90"}
    with pytest.raises(NotDelivered) as raised:
        await world.deliver(mine, 2)

    assert raised.value.after_seconds == 90


def test_the_waits_are_those_of_the_standards_table() -> None:
    waits = [delay_seconds(DELIVERY_RETRIES, spent=spent, chance=0) for spent in range(1, 10)]

    assert waits == [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert DELIVERY_RETRIES.max_attempts == len(waits) + 1


async def test_who_answers_gone_is_disabled_and_that_is_recorded(world: World) -> None:
    mine = await world.endpoint()
    await world.submit()
    await world.hand_over()
    world.status = 410
    with pytest.raises(NotRetryable, match="gone"):
        await world.deliver(mine, 2)

    kept = await world.ports.endpoints.get(mine.id)
    assert kept is not None
    assert (kept.status, kept.disabled_because) == (EndpointStatus.DISABLED, "it answered 410 Gone")
    changes = [recorded.event for recorded in world.ports.state.audit_events]
    assert changes[-1] == WebhookEndpointChanged(
        endpoint_id=mine.id, change="disabled", reason="it answered 410 Gone"
    )
    with pytest.raises(NotRetryable, match="disabled"):
        await world.deliver(mine, 2)


async def test_a_range_is_delivered_once_more_also_what_is_older_than_the_endpoint(world: World) -> None:
    for _ in range(3):
        await world.submit()
        await world.submit(OTHER)
    await world.ports.ledger.seal(limit=100)
    mine = await world.endpoint()
    again = [await redelivered(world, mine, first=1, last=4) for _ in range(2)]

    assert again == [2, 2]
    assert await world.deliveries() == sorted(at_position(mine, 1, 3) * 2)


async def redelivered(world: World, endpoint: Endpoint, *, first: int, last: int) -> int:
    ports = world.ports
    return await redeliver(
        ports.endpoints, ports.ledger, ports.store, ports.hints, ports.clock, world.ids,
        caller=Caller(ME, provenance()), endpoint_id=endpoint.id, first=first, last=last,
    )  # fmt: skip


async def test_other_peoples_endpoints_do_not_exist(world: World) -> None:
    theirs = await world.endpoint(OTHER)
    with pytest.raises(EndpointNotFound):
        await find_endpoint(world.ports.endpoints, user_id=ME, endpoint_id=theirs.id)
    with pytest.raises(EndpointNotFound):
        await remove_endpoint(
            world.ports.endpoints, world.ports.audit, caller=Caller(ME, provenance()), endpoint_id=theirs.id
        )
    with pytest.raises(EndpointNotFound):
        await redelivered(world, theirs, first=1, last=2)


async def test_what_cannot_be_an_endpoint_is_refused(world: World) -> None:
    with pytest.raises(InvalidSubmission, match="/url"):
        await world.endpoint(url="ftp://example.org")
    with pytest.raises(InvalidSubmission, match="JobVanished"):
        await world.endpoint(ME, "JobVanished")


async def test_the_number_of_endpoints_is_bounded(world: World) -> None:
    for _ in range(20):
        await world.endpoint()
    with pytest.raises(InvalidSubmission, match="20"):
        await world.endpoint()
    await world.endpoint(OTHER)


async def test_every_change_is_recorded_with_who_and_why(world: World) -> None:
    mine = await world.endpoint()
    caller = Caller(ME, provenance())
    await change_endpoint(
        world.ports.endpoints, world.ports.audit, caller=caller, endpoint_id=mine.id,
        change=lambda before: before.disabled("on holiday"), named="disabled", reason="on holiday",
    )  # fmt: skip
    await remove_endpoint(world.ports.endpoints, world.ports.audit, caller=caller, endpoint_id=mine.id)

    recorded = world.ports.state.audit_events
    changes = [kept.event for kept in recorded if isinstance(kept.event, WebhookEndpointChanged)]
    assert [(event.change, event.reason) for event in changes] == [
        ("created", None), ("disabled", "on holiday"), ("removed", None),
    ]  # fmt: skip
    assert {kept.provenance.actor.id for kept in recorded} == {"user-1"}
