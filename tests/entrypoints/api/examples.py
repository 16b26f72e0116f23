"""Renews the examples of the OpenAPI document: `uv run python -m tests.entrypoints.api.examples`.

What is sent to each operation stays as the file has it, a new one's is written into it by hand first; what a
whole service answers is written beside it, with long lists cut short.
"""

import asyncio
import base64
import json
import tempfile
from pathlib import Path
from typing import Any

import httpx

from tests.end_to_end.up import started
from tests.entrypoints.api.story import told

FILE = Path(__file__).parents[3] / "entrypoints" / "api" / "examples.json"
USER = "8c1f4e0a-ana"
# So that no page of ours, and no scanner, takes an example for the real thing.
SECRET = "whsec_" + base64.b64encode(b"an example, not a secret").decode()
SHOWN = 3
# Until its worker has run the submitted job, and its sealer has signed that.
SETTLED_SECONDS = 4.0


async def answers(url: str, token: str, requests: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The first answer of each operation and status that has a body."""
    found: dict[str, dict[str, Any]] = {}
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
        async for step, answer in told(client, requests):
            assert answer.status_code == step.status, (step, answer.text)
            if step.operation == "submit_jobs":
                await asyncio.sleep(SETTLED_SECONDS)
            if answer.content and "as_of" not in step.path:
                media_type = answer.headers["Content-Type"]
                body = answer.json() if media_type.startswith("application/json") else answer.text
                found.setdefault(step.operation, {}).setdefault(str(answer.status_code), body)
    return found


def shortened(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What a reader needs of it, and what the story cannot ask for."""
    found["submit_job"]["200"] = found["get_job"]["200"]
    for events, stream in (("list_job_events", "stream_job_events"), ("list_events", "stream_events")):
        event = found[events]["200"]["events"][0]
        place = event.get("position", event["version"])
        data = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
        found[stream] = {"200": f"id: {place}\nevent: {event['type']}\ndata: {data}\n\n: still here\n\n"}
    lines = found["export_events"]["200"].splitlines(keepends=True)
    found["export_events"]["200"] = "".join(lines[:SHOWN])
    types = found["list_job_types"]["200"]
    types["job_types"] = [kind for kind in types["job_types"] if kind["name"] == "sample_task"]
    lifecycle = found["get_lifecycle"]["200"]
    for name in ("states", "moves"):
        lifecycle[name] = lifecycle[name][:SHOWN]
    found["list_problems"]["200"]["problems"] = found["list_problems"]["200"]["problems"][-SHOWN:]
    return {operation: _without_secrets(bodies) for operation, bodies in found.items()}


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: SECRET if name == "secret" and item else _without_secrets(item)
            for name, item in value.items()
        }
    return [_without_secrets(item) for item in value] if isinstance(value, list) else value


def main() -> None:
    known: dict[str, dict[str, Any]] = json.loads(FILE.read_bytes())
    requests = {named: example["request"] for named, example in known.items() if "request" in example}
    with tempfile.TemporaryDirectory() as directory, started(Path(directory) / "data") as up:
        token = up.token("--user", USER, "--role", "operator", "--role", "auditor")
        found = shortened(asyncio.run(answers(up.url, token, requests)))
    examples = {
        named: ({"request": requests[named]} if named in requests else {}) | {"answers": bodies}
        for named, bodies in sorted((found | {named: {} for named in requests.keys() - found.keys()}).items())
    }
    FILE.write_text(json.dumps(examples, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
