"""What users do with their webhook endpoints; each change is recorded with who made it and why."""

from collections.abc import Callable

from domain.audit import WebhookEndpointChanged
from domain.errors import EndpointNotFound, FieldProblem, InvalidSubmission, StorageUnavailable
from domain.http_request import check_url
from domain.identifiers import UserId
from domain.ports.audit_trail import AuditTrail
from domain.ports.event_store import Appended, EventStore
from domain.ports.hints import Hints, Topic
from domain.ports.ledger_reading import EventFilter, LedgerReading
from domain.ports.system import Clock, Ids, Secrets
from domain.ports.webhooks import WebhookEndpoints
from domain.use_cases.command import Caller
from domain.use_cases.hand_to_webhooks import delivery
from domain.webhooks import (
    MAX_ENDPOINTS,
    MAX_REDELIVERED,
    SECRET_BYTES,
    Endpoint,
    EndpointId,
    unknown_event_types,
)

MAX_TRIES = 5


async def create_endpoint(
    endpoints: WebhookEndpoints,
    ledger: LedgerReading,
    audit: AuditTrail,
    clock: Clock,
    ids: Ids,
    secrets: Secrets,
    *,
    caller: Caller,
    url: str,
    event_types: tuple[str, ...],
    description: str,
) -> Endpoint:
    """An endpoint that hears of everything from now on; raises InvalidSubmission."""
    _check(url, event_types)
    if len(await endpoints.of_user(caller.user_id)) >= MAX_ENDPOINTS:
        detail = f"You have {MAX_ENDPOINTS} endpoints already; remove one first."
        raise InvalidSubmission([FieldProblem(pointer="", detail=detail)])
    endpoint = Endpoint(
        id=EndpointId(ids.command_id()),
        user_id=caller.user_id,
        url=url,
        event_types=event_types,
        description=description,
        secret=secrets.secret(SECRET_BYTES),
        after_position=await ledger.last_position(),
        created_at=clock.now(),
    )
    await endpoints.add(endpoint)
    await _record(audit, endpoint, "created", caller, reason=None)
    return endpoint


async def find_endpoint(endpoints: WebhookEndpoints, *, user_id: UserId, endpoint_id: EndpointId) -> Endpoint:
    """The user's endpoint; raises EndpointNotFound, also for other people's."""
    endpoint = await endpoints.get(endpoint_id)
    if endpoint is None or endpoint.user_id != user_id:
        raise EndpointNotFound(endpoint_id)
    return endpoint


async def change_endpoint(
    endpoints: WebhookEndpoints,
    audit: AuditTrail,
    *,
    caller: Caller,
    endpoint_id: EndpointId,
    change: Callable[[Endpoint], Endpoint],
    named: str,
    reason: str | None = None,
) -> Endpoint:
    """The endpoint after `change`, recorded as `named`; raises EndpointNotFound, InvalidSubmission."""
    for _ in range(MAX_TRIES):
        before = await find_endpoint(endpoints, user_id=caller.user_id, endpoint_id=endpoint_id)
        after = change(before)
        _check(after.url, after.event_types)
        if await endpoints.replace(after):
            await _record(audit, after, named, caller, reason=reason)
            return after._replace(version=after.version + 1)
    raise StorageUnavailable("The endpoint keeps changing; try again.")


async def remove_endpoint(
    endpoints: WebhookEndpoints, audit: AuditTrail, *, caller: Caller, endpoint_id: EndpointId
) -> None:
    """What is on its way to it is given up; raises EndpointNotFound."""
    endpoint = await find_endpoint(endpoints, user_id=caller.user_id, endpoint_id=endpoint_id)
    await endpoints.remove(endpoint.id)
    await _record(audit, endpoint, "removed", caller, reason=None)


async def redeliver(
    endpoints: WebhookEndpoints,
    ledger: LedgerReading,
    store: EventStore,
    hints: Hints,
    clock: Clock,
    ids: Ids,
    *,
    caller: Caller,
    endpoint_id: EndpointId,
    first: int,
    last: int,
) -> int:
    """Deliver once more what the endpoint wants of the events from position `first` to `last`; how many.

    Also what is older than the endpoint. Raises EndpointNotFound, and InvalidSubmission for a range of more
    than a thousand of the user's events.
    """
    endpoint = await find_endpoint(endpoints, user_id=caller.user_id, endpoint_id=endpoint_id)
    which = EventFilter(user_id=caller.user_id)
    events = await ledger.read(which, after=first - 1, through=last, limit=MAX_REDELIVERED + 1)
    if len(events) > MAX_REDELIVERED:
        detail = f"These are more than {MAX_REDELIVERED} events; ask for a part of them."
        raise InvalidSubmission([FieldProblem(pointer="/last_position", detail=detail)])
    by = caller.provenance
    unbound = endpoint.enabled()._replace(after_position=0)
    changes = [
        delivery(endpoint, event.position, repeat=by.command_id, clock=clock, ids=ids, by=by.actor)
        for event in events
        if unbound.wants(event.envelope.type, event.position)
    ]
    outcomes = await store.append(changes) if changes else []
    hints.announce(Topic.OUTBOX)
    return sum(isinstance(outcome, Appended) for outcome in outcomes)


def _check(url: str, event_types: tuple[str, ...]) -> None:
    problems = []
    try:
        check_url(url)
    except ValueError as error:
        problems.append(FieldProblem(pointer="/url", detail=str(error)))
    if unknown := unknown_event_types(event_types):
        detail = f"There is no event type {', '.join(unknown)}."
        problems.append(FieldProblem(pointer="/event_types", detail=detail))
    if problems:
        raise InvalidSubmission(problems)


async def _record(
    audit: AuditTrail, endpoint: Endpoint, change: str, caller: Caller, *, reason: str | None
) -> None:
    changed = WebhookEndpointChanged(endpoint_id=endpoint.id, change=change, reason=reason)
    await audit.record(changed, caller.provenance)
