"""Webhook endpoints over HTTP: each user's own."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from domain.errors import EndpointNotFound
from domain.lifecycle import Status
from domain.ports.job_views import JobFilter
from domain.use_cases.webhook_endpoints import (
    change_endpoint,
    create_endpoint,
    find_endpoint,
    redeliver,
    remove_endpoint,
)
from domain.webhooks import (
    DELIVERY,
    SECRET_BYTES,
    Endpoint,
    EndpointId,
    owner_of_deliveries,
    tag_of,
)
from entrypoints.api.answers import json_response
from entrypoints.api.auth import CurrentUser
from entrypoints.api.cursors import JOB_ID, decode_cursor, encode_cursor
from entrypoints.api.requests import Calling, Work, answers, link_to
from entrypoints.api.webhook_schemas import (
    ChangeWebhook,
    CreateWebhook,
    DeliveriesOut,
    Redeliver,
    RedeliveredOut,
    SwitchWebhook,
    WebhookOut,
    WebhooksOut,
    delivery_out,
    webhook_out,
)

router = APIRouter(prefix="/webhooks", tags=["webhooks"])


def parse_endpoint_id(webhook_id: str) -> EndpointId:
    if not JOB_ID.fullmatch(webhook_id):
        raise EndpointNotFound(webhook_id)
    return EndpointId(webhook_id)


CHANGED = answers(401, 403, 404, 422, 503, ok=WebhookOut)


@router.post(
    "",
    operation_id="create_webhook",
    status_code=201,
    responses={201: {"model": WebhookOut}, **answers(400, 401, 403, 413, 422, 503)},
)
async def create(asked: CreateWebhook, services: Work, caller: Calling) -> Response:
    """Have your jobs' events posted to a URL from now on; the answer alone shows the signing secret."""
    endpoint = await create_endpoint(
        services.endpoints,
        services.ledger,
        services.audit,
        services.clock,
        services.ids,
        services.secrets,
        caller=caller,
        url=asked.url,
        event_types=tuple(asked.event_types),
        description=asked.description,
    )
    headers = {"Location": f"/webhooks/{endpoint.id}"}
    return json_response(webhook_out(endpoint, shows_secret=True), status=201, headers=headers)


@router.get("", operation_id="list_webhooks", responses=answers(401, 503, ok=WebhooksOut))
async def list_webhooks(services: Work, user: CurrentUser) -> Response:
    """Your endpoints, the oldest first."""
    found = await services.endpoints.of_user(user.user_id)
    return json_response({"webhooks": [webhook_out(endpoint) for endpoint in found]})


@router.get("/{webhook_id}", operation_id="get_webhook", responses=answers(401, 404, 503, ok=WebhookOut))
async def get(webhook_id: str, services: Work, user: CurrentUser) -> Response:
    """One of your endpoints."""
    return json_response(webhook_out(await _found(services, user, webhook_id)))


@router.patch("/{webhook_id}", operation_id="change_webhook", responses=CHANGED)
async def change(webhook_id: str, asked: ChangeWebhook, services: Work, caller: Calling) -> Response:
    """Change where events go or which; what is on its way already goes to the new URL."""
    given = asked.model_dump(exclude_none=True)
    if "event_types" in given:
        given["event_types"] = tuple(given["event_types"])
    endpoint = await change_endpoint(
        services.endpoints,
        services.audit,
        caller=caller,
        endpoint_id=parse_endpoint_id(webhook_id),
        change=lambda before: before._replace(**given),
        named="changed",
    )
    return json_response(webhook_out(endpoint))


@router.post("/{webhook_id}/rotate-secret", operation_id="rotate_webhook_secret", responses=CHANGED)
async def rotate(webhook_id: str, services: Work, caller: Calling) -> Response:
    """Make a new signing secret, shown in this answer alone; for a day, both sign."""
    secret, at = services.secrets.secret(SECRET_BYTES), services.clock.now()
    endpoint = await change_endpoint(
        services.endpoints,
        services.audit,
        caller=caller,
        endpoint_id=parse_endpoint_id(webhook_id),
        change=lambda before: before.rotated(secret, at=at),
        named="secret_rotated",
    )
    return json_response(webhook_out(endpoint, shows_secret=True))


@router.post("/{webhook_id}/enable", operation_id="enable_webhook", responses=CHANGED)
async def enable(webhook_id: str, asked: SwitchWebhook, services: Work, caller: Calling) -> Response:
    """Send events again; those that happened meanwhile are sent by `redeliver`."""
    endpoint = await change_endpoint(
        services.endpoints,
        services.audit,
        caller=caller,
        endpoint_id=parse_endpoint_id(webhook_id),
        change=Endpoint.enabled,
        named="enabled",
        reason=asked.reason,
    )
    return json_response(webhook_out(endpoint))


@router.post("/{webhook_id}/disable", operation_id="disable_webhook", responses=CHANGED)
async def disable(webhook_id: str, asked: SwitchWebhook, services: Work, caller: Calling) -> Response:
    """Send nothing more until it is enabled; what is on its way is given up."""
    endpoint = await change_endpoint(
        services.endpoints,
        services.audit,
        caller=caller,
        endpoint_id=parse_endpoint_id(webhook_id),
        change=lambda before: before.disabled(asked.reason),
        named="disabled",
        reason=asked.reason,
    )
    return json_response(webhook_out(endpoint))


@router.delete(
    "/{webhook_id}",
    operation_id="remove_webhook",
    status_code=204,
    responses=answers(401, 403, 404, 503),
)
async def remove(webhook_id: str, services: Work, caller: Calling) -> Response:
    """Remove an endpoint; what is on its way is given up."""
    endpoint_id = parse_endpoint_id(webhook_id)
    await remove_endpoint(services.endpoints, services.audit, caller=caller, endpoint_id=endpoint_id)
    return Response(status_code=204)


@router.post(
    "/{webhook_id}/redeliver",
    operation_id="redeliver_to_webhook",
    status_code=202,
    responses=answers(400, 401, 403, 404, 413, 422, 503, accepted=RedeliveredOut),
)
async def send_again(webhook_id: str, asked: Redeliver, services: Work, caller: Calling) -> Response:
    """Send the events of a range of positions once more, also what is older than the endpoint.

    Each keeps its `webhook-id`, so that a receiver knows what it has seen.
    """
    count = await redeliver(
        services.endpoints,
        services.ledger,
        services.store,
        services.hints,
        services.clock,
        services.ids,
        caller=caller,
        endpoint_id=parse_endpoint_id(webhook_id),
        first=asked.first_position,
        last=asked.last_position,
    )
    return json_response({"deliveries": count}, status=202)


@router.get(
    "/{webhook_id}/deliveries",
    operation_id="list_webhook_deliveries",
    responses=answers(401, 404, 422, 503, ok=DeliveriesOut),
)
async def deliveries(
    webhook_id: str,
    services: Work,
    user: CurrentUser,
    status: Annotated[list[Status] | None, Query(max_length=8)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """What was sent to the endpoint, or will be, newest first."""
    endpoint = await _found(services, user, webhook_id)
    which = JobFilter(
        user_id=owner_of_deliveries(user.user_id),
        statuses=frozenset(status or ()),
        job_type=DELIVERY,
        tag=tag_of(endpoint.id),
    )
    before = decode_cursor(cursor, which) if cursor else None
    page = await services.views.newest(which, limit=limit, before=before)
    content: dict[str, Any] = {"deliveries": [delivery_out(view) for view in page.views], "next": None}
    headers = {}
    if page.following:
        asked = {"status": sorted(which.statuses), "limit": limit}
        asked["cursor"] = encode_cursor(page.following, which)
        content["next"] = link_to(f"/webhooks/{endpoint.id}/deliveries", asked)
        headers["Link"] = f'<{content["next"]}>; rel="next"'
    return json_response(content, headers=headers)


async def _found(services: Work, user: CurrentUser, webhook_id: str) -> Endpoint:
    endpoint_id = parse_endpoint_id(webhook_id)
    return await find_endpoint(services.endpoints, user_id=user.user_id, endpoint_id=endpoint_id)
