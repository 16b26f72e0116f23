"""Commands that speak to a running service over HTTP."""

import json
import sys
import time
from typing import Annotated, Any

import httpx
import typer

from entrypoints.cli import output
from entrypoints.cli.http import JOB_FAILED, WRONG_USAGE, ask, leave, local_token, make_client
from entrypoints.local_service import LOCAL_USER

ENDED = {"completed", "failed", "cancelled"}
POLL_SECONDS = 0.3

Url = Annotated[str | None, typer.Option(help="The service; JOBLEDGER_URL, or the local one, otherwise.")]
Token = Annotated[str | None, typer.Option(help="JOBLEDGER_TOKEN, or a local user's, otherwise.")]
Json = Annotated[bool | None, typer.Option("--json/--table", help="JSON unless on a terminal.")]
JobId = Annotated[str, typer.Argument(help="The job's id.")]
Reason = Annotated[str, typer.Option(help="Why; it stays in the history.")]
JobType = Annotated[str, typer.Argument(help="One that the service offers, as GET /job-types lists them.")]
SUBMIT = """jobledger submit sample_task --parameters '{"steps": 3}' --tag invoices --wait"""


def register(app: typer.Typer) -> None:
    app.command(epilog=f"Example: {SUBMIT}")(submit)
    app.command("list", epilog="Example: jobledger list --status failed --tag invoices")(list_jobs)
    app.command()(show)
    app.command()(history)
    app.command()(watch)
    app.command(epilog="Example: jobledger cancel JOB_ID --reason 'no longer needed'")(cancel)
    app.command(epilog="Example: jobledger retry JOB_ID --reason 'the server is back'")(retry)
    app.command(epilog="Example: jobledger token --user the-auditor --role auditor")(token)


def submit(
    job_type: JobType,
    parameters: Annotated[str, typer.Option(help="The job's parameters, as JSON.")] = "{}",
    priority: Annotated[int | None, typer.Option(help="0 to 9; 9 goes first.")] = None,
    run_at: Annotated[str | None, typer.Option(help="Not before, with offset: 2030-01-01T12:00:00Z.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="May be given several times.")] = None,
    group_key: Annotated[str | None, typer.Option(help="One of your own groups, for limits.")] = None,
    unique_key: Annotated[str | None, typer.Option(help="No other live job may have it.")] = None,
    idempotency_key: Annotated[str | None, typer.Option(help="Makes it safe to submit again.")] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until the job has ended; 1 unless it completed.")
    ] = False,
    url: Url = None,
    token: Token = None,
    as_json: Json = None,
) -> None:
    """Submit a job."""
    try:
        asked: dict[str, Any] = {"job_type": job_type, "job_parameters": json.loads(parameters)}
    except ValueError as error:
        leave(f"--parameters is not JSON: {error}", WRONG_USAGE)
    optional = {"priority": priority, "run_at": run_at, "tags": tag, "unique_key": unique_key}
    optional |= {"group_key": group_key}
    asked |= {name: value for name, value in optional.items() if value is not None}
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    with make_client(url, token) as client:
        job = ask(client, "POST", "/jobs", json=asked, headers=headers)
        if wait:
            job = _until_ended(client, job["id"])
    _show_job(job, as_json)
    if wait and job["status"] != "completed":
        sys.exit(JOB_FAILED)


def list_jobs(
    status: Annotated[str | None, typer.Option(help="Only those in this state.")] = None,
    job_type: Annotated[str | None, typer.Option(help="Only those of this type.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only those with this tag.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most, up to 100.")] = 20,
    url: Url = None,
    token: Token = None,
    as_json: Json = None,
) -> None:
    """List your jobs, newest first."""
    asked = {"status": status, "job_type": job_type, "tag": tag, "limit": limit}
    with make_client(url, token) as client:
        page = ask(client, "GET", "/jobs", params={name: value for name, value in asked.items() if value})
        found = page["jobs"]
        # A page may be short, or empty, and go on.
        while page["next"] and len(found) < limit:
            page = ask(client, "GET", page["next"])
            found += page["jobs"]
    found = found[:limit]
    if output.wants_json(as_json):
        output.show_json(found)
    else:
        output.console.print(output.job_table(found))


def show(job_id: JobId, url: Url = None, token: Token = None, as_json: Json = None) -> None:
    """Show one job as it is now."""
    with make_client(url, token) as client:
        _show_job(ask(client, "GET", f"/jobs/{job_id}"), as_json)


def history(job_id: JobId, url: Url = None, token: Token = None, as_json: Json = None) -> None:
    """Tell what happened to a job: who did what, when and why."""
    with make_client(url, token) as client:
        events = all_events(client, job_id)
    if output.wants_json(as_json):
        output.show_json(events)
    else:
        output.console.print(output.history_table(events))


def watch(job_id: JobId, url: Url = None, token: Token = None, as_json: Json = None) -> None:
    """Follow a job's events until it has ended; 1 unless it completed."""
    seen = 0
    with make_client(url, token) as client:
        while True:
            job = ask(client, "GET", f"/jobs/{job_id}")
            for event in all_events(client, job_id, after=seen):
                seen = event["version"]
                if output.wants_json(as_json):
                    sys.stdout.write(json.dumps(event, ensure_ascii=False) + "\n")
                else:
                    told = output.told(event["data"])
                    output.console.print(output.short_time(event["recorded_at"]), event["type"], told)
            if job["status"] in ENDED and seen >= job["version"]:
                sys.exit(0 if job["status"] == "completed" else JOB_FAILED)
            time.sleep(POLL_SECONDS)


def cancel(job_id: JobId, reason: Reason, url: Url = None, token: Token = None, as_json: Json = None) -> None:
    """Cancel a job; a running one is asked to stop."""
    _act("cancel", job_id, reason, url, token, as_json)


def retry(job_id: JobId, reason: Reason, url: Url = None, token: Token = None, as_json: Json = None) -> None:
    """Try a failed or cancelled job once more."""
    _act("retry", job_id, reason, url, token, as_json)


def token(
    user: Annotated[str, typer.Option(help="The token's subject.")] = LOCAL_USER,
    role: Annotated[list[str] | None, typer.Option(help="operator or auditor.")] = None,
) -> None:
    """Print a token of the local issuer."""
    sys.stdout.write(local_token(user=user, roles=tuple(role or ())) + "\n")


def _act(
    act: str, job_id: str, reason: str, url: str | None, access_token: str | None, as_json: bool | None
) -> None:
    with make_client(url, access_token) as client:
        _show_job(ask(client, "POST", f"/jobs/{job_id}/{act}", json={"reason": reason}), as_json)


def _until_ended(client: httpx.Client, job_id: str) -> dict[str, Any]:
    while True:
        job: dict[str, Any] = ask(client, "GET", f"/jobs/{job_id}")
        if job["status"] in ENDED:
            return job
        time.sleep(POLL_SECONDS)


def all_events(client: httpx.Client, job_id: str, after: int = 0) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    path: str | None = f"/jobs/{job_id}/events?after={after}"
    while path:
        page = ask(client, "GET", path)
        events += page["events"]
        path = page["next"]
    return events


def _show_job(job: dict[str, Any], as_json: bool | None) -> None:
    if output.wants_json(as_json):
        output.show_json(job)
    else:
        output.console.print(output.details_table(job))
