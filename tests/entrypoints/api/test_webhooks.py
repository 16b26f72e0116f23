"""Webhook endpoints over HTTP."""

from typing import Any

import httpx
import pytest

from domain.use_cases.hand_to_webhooks import hand_to_webhooks
from entrypoints.services import Services
from tests.entrypoints.api.conftest import Client
from tests.entrypoints.api.test_jobs import submitted

HOOK = {"url": "https://example.org/hook", "event_types": ["JobSubmitted"], "description": "orders"}
UNKNOWN = "019a0000-0000-7000-8000-00000000000a"


async def created(client: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    answer = await client.post("/webhooks", json=HOOK | asked)
    assert answer.status_code == 201, answer.text
    hook: dict[str, Any] = answer.json()
    return hook


async def test_an_endpoint_is_made_and_its_secret_shown_once(client: httpx.AsyncClient) -> None:
    hook = await created(client)
    found = (await client.get(f"/webhooks/{hook['id']}")).json()

    assert hook["secret"].startswith("whsec_")
    assert found == hook | {"secret": None}
    assert (await client.get("/webhooks")).json() == {"webhooks": [found]}


async def test_an_endpoint_can_be_changed_rotated_switched_and_removed(client: httpx.AsyncClient) -> None:
    hook = await created(client)
    place = f"/webhooks/{hook['id']}"
    changed = (await client.patch(place, json={"url": "https://example.org/other"})).json()
    rotated = (await client.post(f"{place}/rotate-secret")).json()
    disabled = (await client.post(f"{place}/disable", json={"reason": "on holiday"})).json()
    enabled = (await client.post(f"{place}/enable", json={"reason": "back again"})).json()

    assert (changed["url"], changed["event_types"]) == ("https://example.org/other", ["JobSubmitted"])
    assert rotated["secret"] not in (None, hook["secret"])
    assert (disabled["status"], disabled["disabled_because"]) == ("disabled", "on holiday")
    assert (enabled["status"], enabled["disabled_because"]) == ("enabled", None)
    assert (await client.delete(place)).status_code == 204
    assert (await client.get(place)).status_code == 404


async def test_other_peoples_endpoints_are_as_absent_as_those_never_made(as_user: Client) -> None:
    mine, other = as_user("user-1"), as_user("user-2")
    hook = await created(mine)
    asked = [
        await other.get(f"/webhooks/{hook['id']}"),
        await other.patch(f"/webhooks/{hook['id']}", json={"description": "mine now"}),
        await other.post(f"/webhooks/{hook['id']}/rotate-secret"),
        await other.delete(f"/webhooks/{hook['id']}"),
        await other.get(f"/webhooks/{hook['id']}/deliveries"),
        await other.get(f"/webhooks/{UNKNOWN}"),
        await other.get("/webhooks/no-id"),
    ]

    assert {answer.status_code for answer in asked} == {404}
    assert {answer.json()["type"].rsplit("/", 1)[-1] for answer in asked} == {"webhook-not-found"}
    assert (await other.get("/webhooks")).json() == {"webhooks": []}


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"url": "ftp://example.org"}, "/url"),
        ({"url": "https://a:b@example.org"}, "/url"),
        ({"event_types": ["JobVanished"]}, "/event_types"),
        ({"secret": "mine"}, "/secret"),
    ],
)
async def test_what_cannot_be_is_refused_by_its_field(
    client: httpx.AsyncClient, asked: dict[str, Any], pointer: str
) -> None:
    answer = await client.post("/webhooks", json=HOOK | asked)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_deliveries_are_listed_with_the_endpoint_and_not_among_the_users_jobs(
    client: httpx.AsyncClient, services: Services
) -> None:
    hook = await created(client)
    jobs = [await submitted(client) for _ in range(3)]
    await handed_over(services)
    place = f"/webhooks/{hook['id']}/deliveries"
    first = (await client.get(place, params={"limit": 2})).json()
    rest = (await client.get(first["next"])).json()

    deliveries = first["deliveries"] + rest["deliveries"]
    assert {delivery["status"] for delivery in deliveries} == {"pending"}
    assert len({delivery["position"] for delivery in deliveries}) == 3
    assert rest["next"] is None
    listed = (await client.get("/jobs")).json()["jobs"]
    assert {job["id"] for job in listed} == {job["id"] for job in jobs}


async def test_a_range_can_be_sent_again(client: httpx.AsyncClient, services: Services) -> None:
    await submitted(client)
    await handed_over(services)
    hook = await created(client)
    asked = {"first_position": 1, "last_position": 100}
    answer = await client.post(f"/webhooks/{hook['id']}/redeliver", json=asked)

    assert (answer.status_code, answer.json()) == (202, {"deliveries": 1})


async def test_clients_cannot_submit_deliveries_themselves(client: httpx.AsyncClient) -> None:
    parameters = {"endpoint_id": UNKNOWN, "position": 1}
    answer = await client.post("/jobs", json={"job_type": "webhook_delivery", "job_parameters": parameters})
    offered = (await client.get("/job-types")).json()["job_types"]

    assert answer.status_code == 422
    assert "webhook_delivery" not in [kind["name"] for kind in offered]


async def handed_over(services: Services) -> None:
    await services.sealing.seal(limit=1000)
    await hand_to_webhooks(
        services.ledger, services.endpoints, services.views, services.store, services.hints,
        services.clock, services.ids, limit=1000,
    )  # fmt: skip
