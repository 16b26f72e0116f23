"""The headers of answers, as the OpenAPI document describes them."""

from typing import Any

FIRST_REFUSAL = 400


def _header(description: str, example: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}, "example": example}


JOB = "/jobs/01a21194-0ab8-72b8-8c97-a5dbcd883e84"
HEADERS = {
    "Accept": _header("What the body should have been.", "application/json"),
    "Accept-Encoding": _header("The coding that the body should have had.", "identity"),
    "ETag": _header("The job's version, strong: for `If-None-Match` and `If-Match`.", '"1"'),
    "Idempotency-Replayed": _header("`true` when the same key had been answered before.", "true"),
    "Link": _header('Where the next page is (`rel="next"`), or more of the service.', f'<{JOB}>; rel="next"'),
    "Location": _header("Where that which was made or found can be read.", JOB),
    "Preference-Applied": _header("Which preference of `Prefer` was kept.", "wait=30"),
    "RateLimit": _header("What is left of each limit, where there are limits.", '"user";r=99;t=60'),
    "RateLimit-Policy": _header("The limits, where there are limits.", '"user";q=100;w=60'),
    "Retry-After": _header("In how many seconds to ask again.", "1"),
    "Vary": _header("What else the answer depends on.", "Accept"),
    "WWW-Authenticate": _header("What was wrong with the token (RFC 6750).", 'Bearer realm="jobledger"'),
    "X-Request-ID": _header("The request's name, in the logs and in the history.", "request-18")
    | {"required": True},
}
EVERYWHERE = ("X-Request-ID", "RateLimit", "RateLimit-Policy")
OF_A_JOB = ("submit_job", "get_job", "cancel_job", "retry_job")
MADE = {
    ("submit_job", "202"), ("submit_job", "200"), ("create_webhook", "201"), ("create_schedule", "201"),
    ("trigger_schedule", "202"), ("get_index", "303"),
}  # fmt: skip
PAGED = ("list_jobs", "list_job_events", "list_events", "list_webhook_deliveries", "get_index")
WAITING = ("get_job", "list_events")
NEGOTIATED = ("get_index", "get_lifecycle")
OF_REFUSALS = {
    "401": ["WWW-Authenticate"],
    "403": ["WWW-Authenticate"],
    "409": ["Retry-After"],
    "412": ["ETag"],
    "415": ["Accept", "Accept-Encoding"],
    "429": ["Retry-After"],
    "503": ["Retry-After"],
}


def headers_of(operation: str, status: str) -> dict[str, Any]:
    """References to the headers that an operation's answer of this status has, or may have."""
    if int(status) >= FIRST_REFUSAL:
        own = OF_REFUSALS.get(status, [])
    else:
        told = {
            "ETag": operation in OF_A_JOB,
            "Idempotency-Replayed": (operation, status) == ("submit_job", "202"),
            "Link": operation in PAGED,
            "Location": (operation, status) in MADE,
            "Preference-Applied": operation in WAITING,
            "Vary": operation in NEGOTIATED,
        }
        own = [name for name, has_it in told.items() if has_it]
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*own, *EVERYWHERE)}
