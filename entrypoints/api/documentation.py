"""The OpenAPI document, with refusals as they are answered and not as FastAPI assumes them."""

from typing import Any

from fastapi import FastAPI

from entrypoints.api.problem_answers import MEDIA_TYPE

FIRST_REFUSAL = 400
# What FastAPI documents for a 422 unless told otherwise; nothing here answers like that.
ASSUMED = ("HTTPValidationError", "ValidationError")
ANYWHERE = {"429": "You ask too often", "503": "The service cannot answer now"}
WITH_A_BODY = {
    "400": "The request cannot be read",
    "413": "The request is too large",
    "422": "The request cannot be accepted as it is",
}
PROBLEM = "#/components/schemas/ProblemOut"


class DocumentedApi(FastAPI):
    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        for path in document["paths"].values():
            for operation in path.values():
                _correct(operation["responses"])
                _complete(operation)
        for name in ASSUMED:
            document["components"]["schemas"].pop(name, None)
        return document


def _complete(operation: dict[str, Any]) -> None:
    """Add what the layers around all routes, and whatever reads a body, may answer."""
    possible = ANYWHERE | WITH_A_BODY if "requestBody" in operation else ANYWHERE
    for status, description in possible.items():
        refusal = {"description": description, "content": {MEDIA_TYPE: {"schema": {"$ref": PROBLEM}}}}
        operation["responses"].setdefault(status, refusal)


def _correct(responses: dict[str, Any]) -> None:
    """Give problems their media type; FastAPI documents every model under the one of successes.

    FastAPI keeps its document, so this runs on one that is correct already, too.
    """
    for status, response in list(responses.items()):
        content = response.get("content", {})
        if int(status) < FIRST_REFUSAL or not content or MEDIA_TYPE in content:
            continue
        (shape,) = content.values()
        if shape["schema"].get("$ref", "").endswith(ASSUMED):
            del responses[status]
        else:
            # Also of operations whose successes are plain text.
            response["content"] = {MEDIA_TYPE: {"schema": {"$ref": PROBLEM}}}
