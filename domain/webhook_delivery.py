"""The job type that delivers one event to one webhook endpoint."""

import json
from dataclasses import dataclass

from domain.audit import WebhookEndpointChanged
from domain.events import Actor, ActorKind, Provenance
from domain.http_request import retry_after
from domain.identifiers import JobId, Json
from domain.job_types import JobContext, JobType, NotRetryable, RetryLater, job_type
from domain.ledger.forms import cloud_event
from domain.ledger.lines import event_fields
from domain.ports.audit_trail import AuditTrail
from domain.ports.ledger_reading import EVERYTHING, LedgerReading
from domain.ports.outbound_http import DestinationRefused, OutboundHttp, OutboundRequest
from domain.ports.system import Clock, Ids
from domain.ports.webhooks import WebhookEndpoints
from domain.webhooks import (
    DELIVERY,
    DELIVERY_RETRIES,
    Endpoint,
    EndpointId,
    EndpointStatus,
    message_id,
    signed_headers,
)

TIMEOUT_SECONDS = 20.0
GONE = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    endpoint_id: str
    position: int


class NotDelivered(RetryLater):
    """The receiver did not take the event; it is offered again by the standard's table."""


class Deliverer:
    """Posts events as CloudEvents, signed as Standard Webhooks ask."""

    def __init__(
        self,
        endpoints: WebhookEndpoints,
        ledger: LedgerReading,
        outbound: OutboundHttp,
        audit: AuditTrail,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._endpoints = endpoints
        self._ledger = ledger
        self._outbound = outbound
        self._audit = audit
        self._clock = clock
        self._ids = ids

    @property
    def job_type(self) -> JobType:
        timeout_seconds = int(TIMEOUT_SECONDS) + 30
        declare = job_type(
            DELIVERY, retry=DELIVERY_RETRIES, timeout_seconds=timeout_seconds, is_offered=False
        )
        return declare(self.deliver)

    async def deliver(self, context: JobContext, parameters: Delivery) -> Json:
        """Post one event to one endpoint, as it is now."""
        endpoint = await self._endpoints.get(EndpointId(parameters.endpoint_id))
        if endpoint is None or endpoint.status is EndpointStatus.DISABLED:
            raise NotRetryable("The endpoint was removed or disabled meanwhile.")
        request = await self._request(endpoint, parameters.position)
        try:
            answer = await self._outbound.send(request)
        except DestinationRefused as refused:
            raise NotRetryable(str(refused)) from None
        if answer.status == GONE:
            await self._disable(endpoint, context.job_id)
            raise NotRetryable(f"{endpoint.url} answered 410: it is gone, and the endpoint was disabled.")
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - what the standard counts as taken
            wait = retry_after(answer.headers, self._clock.now())
            raise NotDelivered(f"{endpoint.url} answered {answer.status}.", after_seconds=wait)
        return {"status": answer.status, "message_id": request.headers["webhook-id"]}

    async def _request(self, endpoint: Endpoint, position: int) -> OutboundRequest:
        found = await self._ledger.read(EVERYTHING, after=position - 1, limit=1)
        if not found or found[0].position != position:
            raise NotRetryable(f"There is no event at position {position}.")
        event = cloud_event(event_fields(found[0]), "jobledger")
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        message = message_id(endpoint.id, position)
        headers = {
            "User-Agent": "Jobledger",
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            **signed_headers(endpoint, message=message, body=body, at=self._clock.now()),
        }
        return OutboundRequest(
            method="POST", url=endpoint.url, headers=headers, body=body, timeout_seconds=TIMEOUT_SECONDS
        )

    async def _disable(self, endpoint: Endpoint, job_id: JobId) -> None:
        reason = "it answered 410 Gone"
        # Where it has changed meanwhile somebody is at it, and the next delivery asks again.
        if await self._endpoints.replace(endpoint.disabled(reason)):
            changed = WebhookEndpointChanged(endpoint_id=endpoint.id, change="disabled", reason=reason)
            actor = Actor(ActorKind.SYSTEM, DELIVERY)
            await self._audit.record(
                changed, Provenance(actor=actor, command_id=self._ids.command_id(), request_id=job_id)
            )
