"""Limits and paused queues for people: what is set by whom and why, and who may set it; in process."""

from typing import Any

import httpx
import pytest

from domain import limits
from domain.identifiers import UserId
from domain.limits import Limit, Rate
from tests.entrypoints.dashboard.conftest import Site
from tests.entrypoints.dashboard.test_pages import As, as_user

__all__ = ["as_user"]

PAUSE = "/dashboard/limits/queues/sample_task/pause"
RESUME = "/dashboard/limits/queues/sample_task/resume"


async def act(client: httpx.AsyncClient, path: str, **sent: str) -> str:
    """The page that follows what was done."""
    answer = await client.post(path, data=sent)
    assert answer.status_code == 303, answer.text
    return (await client.get(answer.headers["Location"])).text


async def test_a_queue_is_paused_and_resumed_with_a_reason_that_everybody_who_looks_sees(
    site: Site, as_user: As
) -> None:
    operator = as_user("op-erika", "operator")
    await site.world.submit()
    paused = await act(operator, PAUSE, reason="the printer is broken")
    by_an_auditor = (await as_user("auditor-1", "auditor").get("/dashboard/limits")).text
    resumed = await act(operator, RESUME, reason="it prints again")
    history = await site.world.services.limits.history(limits.queue("sample_task"))

    for shown in (paused, by_an_auditor):
        assert "the printer is broken" in shown
        assert "op-erika" in shown
    assert "The queue was paused." in paused
    assert "ask-pause-" in paused
    assert "The queue was resumed." in resumed
    assert "the printer is broken" not in resumed
    assert [(it.type, it.said["reason"], it.actor.kind) for it in history] == [
        ("QueuePaused", "the printer is broken", "operator"),
        ("QueueResumed", "it prints again", "operator"),
    ]


async def test_a_limit_is_set_changed_and_removed(site: Site, as_user: As) -> None:
    operator, scope = as_user("op-erika", "operator"), limits.group("ana", "red")
    whose = {"user_id": "ana", "group_key": "red"}
    rate = {"starts": "60", "per_seconds": "60", "burst": "5"}
    shown = await act(
        operator, "/dashboard/limits/set", **whose, **rate, concurrency="0", weight="3", reason="x"
    )
    first = await site.world.services.limits.get(scope)
    # What is empty is not limited; a form shows the rest of a rate filled in.
    await act(
        operator, "/dashboard/limits/set", **whose, concurrency="7", per_seconds="60", burst="1", reason="x"
    )
    second = await site.world.services.limits.get(scope)
    removed = await act(operator, "/dashboard/limits/remove", **whose, reason="over")

    assert first == Limit(scope, 1, concurrency=0, rate=Rate(60, 60, 5), weight=3)
    assert second == Limit(scope, 2, concurrency=7)
    assert "60 in 60 s, 5 at once" in shown
    assert "Nobody is limited." in removed


async def test_what_is_held_now_is_told(site: Site, as_user: As) -> None:
    await site.world.submit()
    await site.world.submit()
    shown = await act(as_user("op-erika", "operator"), PAUSE, reason="broken")

    assert "<dd>2<small>by a limit or a pause</small></dd>" in shown


@pytest.mark.parametrize(
    ("path", "sent", "told"),
    [
        (PAUSE, {"reason": "  "}, "Say why"),
        ("/dashboard/limits/queues/nonesuch/pause", {"reason": "x"}, "nonesuch"),
        ("/dashboard/limits/set", {"user_id": "ana", "reason": "x"}, "Set concurrency, rate or weight"),
        ("/dashboard/limits/set", {"user_id": "ana", "weight": "many", "reason": "x"}, "weight: "),
        ("/dashboard/limits/set", {"user_id": "", "weight": "1", "reason": "x"}, "user id: "),
        (
            "/dashboard/limits/set",
            {"user_id": "*", "group_key": "a", "weight": "1", "reason": "x"},
            "each user",
        ),
        ("/dashboard/limits/remove", {"user_id": "ana", "reason": "x"}, "limit"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_nothing_is_set(
    site: Site, as_user: As, path: str, sent: dict[str, str], told: str
) -> None:
    answer = await as_user("op-erika", "operator").post(path, data=sent)

    assert answer.status_code in (404, 422)
    assert told in answer.text
    assert "Nothing was done" in answer.text
    assert await site.world.services.limits.active() == []


@pytest.mark.parametrize("who", [("auditor-1", "auditor"), ("user-1",)])
async def test_nobody_but_operators_sets_anything(site: Site, as_user: As, who: tuple[Any, ...]) -> None:
    client = as_user(*who)
    sent = {"user_id": "ana", "weight": "1", "reason": "x"}
    refused = [await client.post(path, data=sent) for path in (PAUSE, RESUME, "/dashboard/limits/set")]
    looked = await client.get("/dashboard/limits")

    assert [answer.status_code for answer in refused] == [403, 403, 403]
    assert looked.status_code == (200 if "auditor" in who else 403)
    assert "<dialog" not in looked.text
    assert await site.world.services.limits.active() == []


async def test_a_jobs_page_shows_its_group_and_what_holds_it(site: Site, as_user: As) -> None:
    view = await site.world.submit(user=UserId("user-1"), group_key="customer-9")
    await act(as_user("op-erika", "operator"), PAUSE, reason="broken")
    shown = (await as_user("user-1").get(f"/dashboard/jobs/{view.job.id}")).text

    assert "customer-9" in shown
    assert "is paused" in shown
