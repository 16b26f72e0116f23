"""Make a delivery of each event for each endpoint that wants it: exactly one, whoever hands over and dies."""

from collections.abc import Sequence

from domain.decisions import submit
from domain.events import Actor, ActorKind, Provenance
from domain.identifiers import JobId, UserId
from domain.ledger.lines import SealedEvent
from domain.ports.event_store import Change, EventStore
from domain.ports.hints import Hints, Topic
from domain.ports.job_views import JobViews
from domain.ports.ledger_reading import EVERYTHING, LedgerReading
from domain.ports.system import Clock, Ids
from domain.ports.webhooks import WebhookEndpoints
from domain.webhooks import (
    DELIVERY,
    DELIVERY_RETRIES,
    Endpoint,
    is_owner_of_deliveries,
    owner_of_deliveries,
    tag_of,
)

FEED = Actor(ActorKind.SYSTEM, "webhooks")


async def hand_to_webhooks(
    ledger: LedgerReading,
    endpoints: WebhookEndpoints,
    views: JobViews,
    store: EventStore,
    hints: Hints,
    clock: Clock,
    ids: Ids,
    *,
    limit: int,
) -> int:
    """Hand over up to `limit` sealed events in their order; how many there were.

    Any number may do it at once: a delivery's idempotency key is its endpoint and position, so what was
    handed over twice, by two or by one that died before the cursor moved, is one job.
    """
    cursor = await endpoints.cursor()
    if not cursor.is_heard:
        last = await ledger.last_position()
        if last > cursor.position:
            await endpoints.advance(after=cursor.position, to=last)
        return 0
    events = await ledger.read(EVERYTHING, after=cursor.position, limit=limit)
    if not events:
        return 0
    owners = await _owners(views, events)
    listening = await endpoints.listening(set(owners.values()))
    changes = [
        delivery(endpoint, event.position, repeat=None, clock=clock, ids=ids)
        for event in events
        for endpoint in listening
        if owners.get(JobId(event.envelope.job_id)) == endpoint.user_id
        and endpoint.wants(event.envelope.type, event.position)
    ]
    if changes:
        # One whose key is taken was made before.
        await store.append(changes)
        hints.announce(Topic.OUTBOX)
    await endpoints.advance(after=cursor.position, to=events[-1].position)
    return len(events)


def delivery(
    endpoint: Endpoint, position: int, *, repeat: str | None, clock: Clock, ids: Ids, by: Actor = FEED
) -> Change:
    """The submission of one event's delivery; `repeat` tells a wanted repetition from the first."""
    event = submit(
        user_id=owner_of_deliveries(endpoint.user_id),
        job_type=DELIVERY,
        policy=DELIVERY_RETRIES,
        at=clock.now(),
        job_parameters={"endpoint_id": endpoint.id, "position": position},
        tags=(tag_of(endpoint.id),),
        idempotency_key=f"{endpoint.id}/{position}" + (f"/{repeat}" if repeat else ""),
    )
    provenance = Provenance(actor=by, command_id=ids.command_id())
    return Change(job_id=ids.job_id(), before=None, event=event, provenance=provenance)


async def _owners(views: JobViews, events: Sequence[SealedEvent]) -> dict[JobId, UserId]:
    """Whose jobs the events are of; what is no job's event, or a delivery's, is nobody's."""
    found = await views.get_many(sorted({JobId(event.envelope.job_id) for event in events}))
    return {
        job_id: view.job.user_id
        for job_id, view in found.items()
        if not is_owner_of_deliveries(view.job.user_id)
    }
