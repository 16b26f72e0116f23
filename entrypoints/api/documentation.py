"""The OpenAPI document: refusals as they are answered, headers, examples, and which operation leads to which.

FastAPI makes the rest of it, from the routes. Tests hold all of this to what is sent.
"""

import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from entrypoints.api.described_headers import HEADERS, headers_of
from entrypoints.api.described_problems import MEDIA_TYPE, PROBLEM, problems_of

FIRST_REFUSAL = 400
# What FastAPI documents for a 422 unless told otherwise; nothing here answers like that.
ASSUMED = ("HTTPValidationError", "ValidationError")
# An example of what is sent to each operation, and of what it answers by status.
EXAMPLES: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "examples.json").read_bytes())
# Where a job's answer leads to.
OF_A_JOB = ("get_job", "list_job_events", "explain_job", "cancel_job", "retry_job")


class DocumentedApi(FastAPI):
    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema:
            return self.openapi_schema
        document = super().openapi()
        document["components"]["headers"] = HEADERS
        for path, operations in document["paths"].items():
            for operation in operations.values():
                _describe(path, operation)
        for name in ASSUMED:
            document["components"]["schemas"].pop(name, None)
        return document


def _describe(path: str, operation: dict[str, Any]) -> None:
    named, responses = operation["operationId"], operation["responses"]
    _refusals(path, operation)
    for status, response in responses.items():
        response["headers"] = headers_of(named, status)
        example = EXAMPLES.get(named, {}).get("answers", {}).get(status)
        if example is not None:
            # The first of its forms is the one that is answered unless another is asked for.
            next(iter(response.get("content", {}).values()))["example"] = example
        if links := _links(named, status):
            response["links"] = links
    if "requestBody" in operation:
        (content,) = operation["requestBody"]["content"].values()
        if named in EXAMPLES:
            content["example"] = EXAMPLES[named]["request"]


def _refusals(path: str, operation: dict[str, Any]) -> None:
    """Put problems in the place of what FastAPI documents under the media type of successes."""
    responses = operation["responses"]
    refused = {status: responses.pop(status) for status in list(responses) if int(status) >= FIRST_REFUSAL}
    declared = [status for status, response in refused.items() if not _is_assumed(response)]
    for status, (description, examples) in problems_of(path, operation, declared).items():
        content = {MEDIA_TYPE: {"schema": {"$ref": PROBLEM}, "examples": examples}}
        responses[status] = {"description": description, "content": content}


def _is_assumed(response: dict[str, Any]) -> bool:
    return any(
        content["schema"].get("$ref", "").endswith(ASSUMED) for content in response["content"].values()
    )


def _links(named: str, status: str) -> dict[str, Any]:
    if named == "submit_job" and status == "202":
        place = "$response.body#/id"
    elif named in ("cancel_job", "retry_job") and status == "200":
        place = "$request.path.job_id"
    else:
        return {}
    return {other: {"operationId": other, "parameters": {"job_id": place}} for other in OF_A_JOB}
