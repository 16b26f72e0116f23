"""The examples of the OpenAPI document fit its schemas; needs no database."""

from typing import Any

import pytest
from jsonschema_rs import validator_for

from docs.reference import document

PROBLEM = "application/problem+json"
RENEW = "run `python -m tests.entrypoints.api.examples`, and see CONTRIBUTING.md"


@pytest.fixture(name="document", scope="module")
def made_document() -> dict[str, Any]:
    return document()


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation
        for path in document["paths"].values()
        for operation in path.values()
        # Only where the service issues its own tokens.
        if operation["operationId"] != "jwks"
    }


def mistakes(document: dict[str, Any], schema: Any, value: Any) -> list[str]:
    """Where a value is not what the schema says, unknown members included."""
    closed = {
        name: part | ({"unevaluatedProperties": False} if "properties" in part else {})
        for name, part in document["components"]["schemas"].items()
        # A problem may have members of its own (RFC 9457).
        if name != "ProblemOut"
    }
    problem = document["components"]["schemas"]["ProblemOut"]
    whole = {"$ref": schema["$ref"]} if "$ref" in schema else schema
    components = {"schemas": closed | {"ProblemOut": problem}}
    found = validator_for(whole | {"components": components}).iter_errors(value)
    return [f"{error.instance_path}: {error.message}" for error in found]


def test_every_operation_has_examples_that_fit_its_schemas(document: dict[str, Any]) -> None:
    wrong: list[Any] = []
    for named, operation in operations(document).items():
        shown = [operation["requestBody"]] if "requestBody" in operation else []
        answers = [it for status, it in operation["responses"].items() if status < "300" and "content" in it]
        for part in [*shown, *answers]:
            content = next(iter(part["content"].values()))
            if "example" not in content:
                wrong.append((named, "has no example"))
            else:
                wrong += [(named, it) for it in mistakes(document, content["schema"], content["example"])]
    assert wrong == [], RENEW


def test_every_problem_of_every_operation_has_an_example(document: dict[str, Any]) -> None:
    wrong = []
    for named, operation in operations(document).items():
        for status, response in operation["responses"].items():
            if status < "400":
                continue
            (media_type,) = response["content"]
            shown = response["content"][media_type].get("examples", {})
            fits = [
                example["value"]["status"] == int(status)
                and example["value"]["type"] == f"/problems/{slug}"
                and not mistakes(document, response["content"][media_type]["schema"], example["value"])
                for slug, example in shown.items()
            ]
            if media_type != PROBLEM or not fits or not all(fits):
                wrong.append((named, status, shown))
    assert wrong == []
