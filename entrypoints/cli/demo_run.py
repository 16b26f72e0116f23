"""The demo's own work against a service that runs: submit, cancel, follow, check."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx

from domain.identifiers import JobId
from domain.lifecycle import ENDED
from domain.use_cases.verify import verify_jobs
from entrypoints import bootstrap
from entrypoints.cli import client_output, demo_output
from entrypoints.cli.client import issue_token
from entrypoints.cli.demo_plan import KINDS, Kind
from entrypoints.cli.local_service import LocalService

SUBMITTERS = 32
LOOK_AGAIN_SECONDS = 0.25
DEADLINE_SECONDS = 60.0
ENDED_STATUSES = {status.value for status in ENDED}
PAGE = 100

Jobs = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Demo:
    """One run: its tag tells its jobs from all others, `accepted` says of which kind each is."""

    client: httpx.AsyncClient
    tag: str
    accepted: dict[str, Kind] = field(default_factory=dict)
    at_once: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SUBMITTERS))


async def run_demo(service: LocalService) -> bool:
    """Whether every accepted job ended as planned and the read model equals its events."""
    headers = {"Authorization": f"Bearer {issue_token(service.settings)}"}
    async with httpx.AsyncClient(
        base_url=service.url, headers=headers, timeout=30, trust_env=False
    ) as client:
        demo = Demo(client, tag=f"demo-{uuid4().hex[:12]}")
        began = time.monotonic()
        await _submit_all(demo)
        client_output.console().print(
            f"{len(demo.accepted)} jobs accepted in {time.monotonic() - began:.1f} s; running:"
        )
        jobs = await _follow(demo)
        client_output.console().print(demo_output.totals_table(demo.accepted, jobs))
        await _show_history(demo)
        return await _check(demo, jobs, service)


async def _submit_all(demo: Demo) -> None:
    now = datetime.now(UTC)
    # Mixed, as clients are: not one kind after the other.
    planned = [(kind, number) for kind in KINDS for number in range(kind.count)]
    planned.sort(key=lambda item: (item[1] / item[0].count, item[0].name))
    await asyncio.gather(*(_submit(demo, kind, number, now) for kind, number in planned))


async def _submit(demo: Demo, kind: Kind, number: int, now: datetime) -> None:
    body = kind.submission(number, tag=demo.tag, now=now)
    job = await _post(demo, "/jobs", body, {"Idempotency-Key": f"{demo.tag}-{kind.name}-{number}"})
    demo.accepted[job["id"]] = kind


async def _post(demo: Demo, path: str, body: Any, headers: dict[str, str] | None = None) -> dict[str, Any]:
    async with demo.at_once:
        response = await demo.client.post(path, json=body, headers=headers)
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer


async def _get(demo: Demo, path: str, **parameters: Any) -> dict[str, Any]:
    async with demo.at_once:
        response = await demo.client.get(path, params=parameters or None)
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer


async def _jobs(demo: Demo) -> Jobs:
    """The run's jobs as the list shows them now."""
    found: Jobs = {}
    page = await _get(demo, "/jobs", tag=demo.tag, limit=PAGE)
    while True:
        found |= {job["id"]: job for job in page["jobs"]}
        if page["next"] is None:
            return found
        page = await _get(demo, page["next"])


async def _follow(demo: Demo) -> Jobs:
    """Show how the jobs go, cancelling those that are to be, until all have ended or it takes too long."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    asked: set[str] = set()
    with demo_output.live_progress(KINDS) as show:
        while True:
            jobs = await _jobs(demo)
            show(_ended_by_kind(demo, jobs), Counter(job["status"] for job in jobs.values()))
            if all(_has_ended(jobs.get(job_id)) for job_id in demo.accepted) or time.monotonic() > deadline:
                return jobs
            await _cancel(demo, _to_cancel(demo, jobs, asked))
            await asyncio.sleep(LOOK_AGAIN_SECONDS)


def _has_ended(job: dict[str, Any] | None) -> bool:
    return job is not None and job["status"] in ENDED_STATUSES


def _ended_by_kind(demo: Demo, jobs: Jobs) -> Counter[str]:
    return Counter(kind.name for job_id, kind in demo.accepted.items() if _has_ended(jobs.get(job_id)))


def _to_cancel(demo: Demo, jobs: Jobs, asked: set[str]) -> list[str]:
    due = [
        job_id
        for job_id, kind in demo.accepted.items()
        if kind.cancel_when and job_id not in asked and jobs[job_id]["status"] == kind.cancel_when.value
    ]
    asked.update(due)
    return due


async def _cancel(demo: Demo, job_ids: Iterable[str]) -> None:
    reason = {"reason": "the demo wanted to see it stop"}
    await asyncio.gather(*(_post(demo, f"/jobs/{job_id}/cancel", reason) for job_id in job_ids))


async def _show_history(demo: Demo) -> None:
    job_id = next(job_id for job_id, kind in demo.accepted.items() if kind.name == "retried")
    console = client_output.console()
    console.print(f"\nThe history of {job_id}, which failed once:")
    console.print(client_output.history_table(await _events(demo, job_id)))


async def _events(demo: Demo, job_id: str) -> list[dict[str, Any]]:
    page = await _get(demo, f"/jobs/{job_id}/events")
    events: list[dict[str, Any]] = page["events"]
    while page["next"]:
        page = await _get(demo, page["next"])
        events += page["events"]
    return events


async def _check(demo: Demo, jobs: Jobs, service: LocalService) -> bool:
    """Over HTTP: each job is there, ended as planned, with a dense history; beneath: view = fold of events."""
    accepted = demo.accepted
    lost = [job_id for job_id in accepted if job_id not in jobs]
    ended = [job_id for job_id in accepted if _has_ended(jobs.get(job_id))]
    unplanned = [job_id for job_id in ended if jobs[job_id]["status"] != accepted[job_id].ends_as.value]
    histories = await asyncio.gather(*(_events(demo, job_id) for job_id in ended))
    gaps = [
        job_id
        for job_id, history in zip(ended, histories, strict=True)
        if [event["version"] for event in history] != list(range(1, jobs[job_id]["version"] + 1))
    ]
    differing = await _differing(service, [JobId(job_id) for job_id in accepted])
    equal = len(accepted) - len(differing)
    planned = sum(kind.count for kind in KINDS)
    _say_what_is_off("ended otherwise than planned", unplanned)
    _say_what_is_off("histories with gaps", gaps)
    _say_what_is_off(
        "views that are not their events", [f"{job} ({', '.join(how)})" for job, how in differing.items()]
    )
    client_output.console().print(
        f"\n{len(accepted)} accepted, {len(ended)} ended, {len(lost)} lost; "
        f"read model equals its events ({equal} of {len(accepted)})"
    )
    return len(ended) == len(accepted) == planned and not (lost or unplanned or gaps or differing)


async def _differing(service: LocalService, job_ids: Sequence[JobId]) -> dict[JobId, list[str]]:
    async with bootstrap.open_services(service.settings) as services:
        return await verify_jobs(services.store, services.views, job_ids=job_ids)


def _say_what_is_off(what: str, found: Sequence[str]) -> None:
    if found:
        client_output.console().print(f"{len(found)} {what}: {', '.join(found[:3])}")
