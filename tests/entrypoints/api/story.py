"""One request to every operation that does not stream, in an order in which each has something to speak of.

What is sent is what the OpenAPI document shows as the operation's example.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

import httpx

# What needs a ledger, and so a sealer.
PROVING = ("get_checkpoint", "get_ledger_key", "prove_event", "prove_consistency", "export_events")


class Step(NamedTuple):
    """`path` is filled with what earlier answers said; `body` None sends none."""

    operation: str
    method: str
    path: str
    status: int
    headers: tuple[tuple[str, str], ...] = ()


STEPS = (
    Step("get_index", "GET", "/", 200),
    Step("list_problems", "GET", "/problems", 200),
    Step("get_problem", "GET", "/problems/version-conflict", 200),
    Step("health", "GET", "/health", 200),
    Step("health_db", "GET", "/health/db", 200),
    Step("list_job_types", "GET", "/job-types", 200),
    Step("get_lifecycle", "GET", "/lifecycle", 200),
    Step("submit_job", "POST", "/jobs", 202, (("Idempotency-Key", "order-17"),)),
    Step("submit_job", "POST", "/jobs", 202, (("Idempotency-Key", "order-17"),)),
    Step("submit_jobs", "POST", "/jobs/batch", 200),
    Step("get_job", "GET", "/jobs/{job_id}?as_of=1", 200),
    Step("get_job", "GET", "/jobs/{job_id}", 200, (("Prefer", "wait=1"),)),
    Step("get_job", "GET", "/jobs/{job_id}", 304, (("If-None-Match", "*"),)),
    Step("list_job_events", "GET", "/jobs/{job_id}/events", 200),
    Step("list_job_events", "GET", "/jobs/{job_id}/events?limit=1", 200),
    Step("explain_job", "GET", "/jobs/{late_id}/explain", 200),
    Step("list_jobs", "GET", "/jobs?limit=1&count=exact", 200),
    Step("cancel_jobs", "POST", "/jobs:cancel", 200),
    Step("cancel_job", "POST", "/jobs/{late_id}/cancel", 200, (("If-Match", '"1"'),)),
    Step("retry_jobs", "POST", "/jobs:retry", 200),
    Step("retry_job", "POST", "/jobs/{late_id}/retry", 200),
    Step("list_events", "GET", "/events?limit=1", 200),
    Step("get_checkpoint", "GET", "/audit/checkpoint", 200),
    Step("get_ledger_key", "GET", "/audit/key", 200),
    Step("prove_event", "GET", "/audit/proof?position=1", 200),
    Step("prove_consistency", "GET", "/audit/consistency?from=1", 200),
    Step("export_events", "GET", "/audit/export", 200),
    Step("create_webhook", "POST", "/webhooks", 201),
    Step("list_webhooks", "GET", "/webhooks", 200),
    Step("get_webhook", "GET", "/webhooks/{webhook_id}", 200),
    Step("change_webhook", "PATCH", "/webhooks/{webhook_id}", 200),
    Step("rotate_webhook_secret", "POST", "/webhooks/{webhook_id}/rotate-secret", 200),
    Step("disable_webhook", "POST", "/webhooks/{webhook_id}/disable", 200),
    Step("enable_webhook", "POST", "/webhooks/{webhook_id}/enable", 200),
    Step("list_webhook_deliveries", "GET", "/webhooks/{webhook_id}/deliveries", 200),
    Step("redeliver_to_webhook", "POST", "/webhooks/{webhook_id}/redeliver", 202),
    Step("remove_webhook", "DELETE", "/webhooks/{webhook_id}", 204),
    Step("preview_runs", "POST", "/schedules/preview", 200),
    Step("create_schedule", "POST", "/schedules", 201),
    Step("list_schedules", "GET", "/schedules", 200),
    Step("get_schedule", "GET", "/schedules/{schedule_id}", 200),
    Step("define_schedule", "PUT", "/schedules/{schedule_id}", 200),
    Step("list_next_runs", "GET", "/schedules/{schedule_id}/runs", 200),
    Step("pause_schedule", "POST", "/schedules/{schedule_id}/pause", 200),
    Step("resume_schedule", "POST", "/schedules/{schedule_id}/resume", 200),
    Step("trigger_schedule", "POST", "/schedules/{schedule_id}/trigger", 202),
    Step("list_schedule_events", "GET", "/schedules/{schedule_id}/events", 200),
    Step("remove_schedule", "POST", "/schedules/{schedule_id}/remove", 204),
    Step("list_queues", "GET", "/queues", 200),
    Step("get_queue", "GET", "/queues/sample_task", 200),
    Step("pause_queue", "POST", "/queues/sample_task/pause", 200),
    Step("resume_queue", "POST", "/queues/sample_task/resume", 200),
    Step("list_queue_events", "GET", "/queues/sample_task/events", 200),
    Step("set_limit", "PUT", "/limits", 200),
    Step("list_limits", "GET", "/limits", 200),
    Step("list_limit_events", "GET", "/limits/events?user_id=ana&group_key=customer-9", 200),
    Step("remove_limit", "POST", "/limits/remove", 204),
)


async def told(
    client: httpx.AsyncClient, requests: Mapping[str, Any], steps: tuple[Step, ...] = STEPS
) -> AsyncIterator[tuple[Step, httpx.Response]]:
    """Each step with its answer; `requests` are the bodies by operation."""
    known = {"late_id": "", "job_id": "", "webhook_id": "", "schedule_id": ""}
    for step in steps:
        body = requests.get(step.operation)
        answer = await client.request(
            step.method, step.path.format(**known), json=body, headers=dict(step.headers)
        )
        if answer.status_code == step.status:
            _remember(known, step, answer)
        yield step, answer


def _remember(known: dict[str, str], step: Step, answer: httpx.Response) -> None:
    match step.operation:
        case "submit_job":
            known["job_id"] = answer.json()["id"]
        case "submit_jobs":
            known["late_id"] = answer.json()["results"][0]["job"]["id"]
        case "create_webhook":
            known["webhook_id"] = answer.json()["id"]
        case "create_schedule":
            known["schedule_id"] = answer.json()["id"]
