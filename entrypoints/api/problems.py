"""What is refused: one table from domain error to status and to the type of its problem (RFC 9457)."""

from typing import NamedTuple

from domain.errors import (
    ArchiveNotSound,
    AttemptGivenUp,
    BatchRefused,
    ComputeUnavailable,
    CopiesUnavailable,
    EndpointNotFound,
    HistoryTakenBack,
    IllegalTransition,
    InvalidSettings,
    InvalidSubmission,
    IssuerUnavailable,
    JobArchived,
    JobledgerError,
    JobNotFound,
    KeyInUse,
    KeyReused,
    LimitNotFound,
    NotAuthenticated,
    NotPermitted,
    NotRebuilt,
    NotSealed,
    QueueNotFound,
    RateLimited,
    ScheduleNotFound,
    StorageUnavailable,
    UniqueKeyHeld,
    VersionConflict,
)


class Kind(NamedTuple):
    """`slug` ends the problem's type, a stable URI that clients may compare; `advice` says what to do."""

    status: int
    slug: str
    title: str
    advice: str = ""


INTERNAL = Kind(
    500,
    "internal",
    "Something went wrong here",
    "Report it with the `request_id`; the service's log has more under it.",
)

KINDS: dict[type[JobledgerError], Kind] = {
    JobledgerError: INTERNAL,
    ArchiveNotSound: INTERNAL,
    AttemptGivenUp: INTERNAL,
    InvalidSettings: INTERNAL,
    NotRebuilt: INTERNAL,
    HistoryTakenBack: INTERNAL,
    CopiesUnavailable: INTERNAL,
    JobNotFound: Kind(
        404,
        "job-not-found",
        "There is no such job",
        "Check the id, and whose token you ask with: other people's jobs are not there for you.",
    ),
    EndpointNotFound: Kind(
        404,
        "webhook-not-found",
        "There is no such webhook endpoint",
        "Check the id; `GET /webhooks` lists yours.",
    ),
    ScheduleNotFound: Kind(
        404, "schedule-not-found", "There is no such schedule", "Check the id; `GET /schedules` lists yours."
    ),
    QueueNotFound: Kind(
        404,
        "queue-not-found",
        "There is no such queue",
        "A queue has the name of its job type: `GET /queues`.",
    ),
    LimitNotFound: Kind(
        404,
        "limit-not-found",
        "There is no such limit",
        "Check user and group; `GET /limits` lists what is set.",
    ),
    JobArchived: Kind(
        410,
        "archived",
        "The job was archived",
        "Ask whoever runs the service for the file that the problem names.",
    ),
    IllegalTransition: Kind(
        409,
        "illegal-transition",
        "The job's state does not allow that",
        "Read the job: its state is another than you thought. `links` says what may be asked of it.",
    ),
    VersionConflict: Kind(
        412,
        "version-conflict",
        "The job has moved on",
        "Read the job again, decide anew, and send its new `ETag`.",
    ),
    InvalidSubmission: Kind(
        422,
        "invalid-request",
        "The request cannot be accepted as it is",
        "Correct what `errors` points to; sent again as it is, it is refused again.",
    ),
    KeyReused: Kind(
        422,
        "idempotency-key-reused",
        "The idempotency key belongs to another request",
        "Send the request as it was the first time, or a new one with a key of its own.",
    ),
    KeyInUse: Kind(
        409,
        "idempotency-key-in-use",
        "A request with the idempotency key is under way",
        "Ask again with the same key after `Retry-After`; nothing happens twice.",
    ),
    BatchRefused: Kind(
        422,
        "batch-refused",
        "One of all or nothing cannot be accepted",
        "Correct what `errors` points to, or ask without `all_or_nothing`.",
    ),
    UniqueKeyHeld: Kind(
        409,
        "unique-key-held",
        "Another job holds the unique key",
        "Wait for the job that the problem names, or ask with `unique_key_conflict` `return_existing`.",
    ),
    NotAuthenticated: Kind(
        401,
        "not-authenticated",
        "A valid token is needed",
        "Get a token of the issuer, and send it as `Authorization: Bearer …`.",
    ),
    IssuerUnavailable: Kind(
        503,
        "issuer-unavailable",
        "Tokens cannot be verified now",
        "Ask again after `Retry-After`; your token may well be good.",
    ),
    RateLimited: Kind(
        429,
        "rate-limited",
        "You ask too often",
        "Ask again after `Retry-After`, and look at `RateLimit` to stay below.",
    ),
    NotPermitted: Kind(
        403, "not-permitted", "Your role does not allow that", "Ask somebody who has the role for it."
    ),
    NotSealed: Kind(
        404,
        "not-sealed",
        "The ledger does not reach so far",
        "Ask again in a second, or for a position that the ledger has come to.",
    ),
    ComputeUnavailable: Kind(
        503, "compute-unavailable", "Remote compute cannot be reached now", "Ask again after `Retry-After`."
    ),
    StorageUnavailable: Kind(
        503,
        "storage-unavailable",
        "The service cannot reach its storage now",
        "Ask again after `Retry-After`, a submission with its `Idempotency-Key`.",
    ),
}

HTTP_KINDS: dict[int, Kind] = {
    400: Kind(
        400, "malformed", "The request cannot be read", "Send JSON in UTF-8, not nested deeper than 32."
    ),
    404: Kind(
        404, "not-found", "There is nothing here", "Look at `GET /` and at `/openapi.json` for what there is."
    ),
    405: Kind(
        405,
        "method-not-allowed",
        "This resource does not know that method",
        "Use one of the methods that `Allow` names.",
    ),
    413: Kind(
        413,
        "too-large",
        "The request is too large",
        "Send less, or in parts: a body has at most 1 MiB, a batch 4 MiB.",
    ),
    415: Kind(
        415,
        "unsupported-media-type",
        "A body of that kind cannot be read",
        "Send plain JSON with `Content-Type: application/json`.",
    ),
    503: Kind(
        503,
        "timed-out",
        "The service did not come to an answer in time",
        "Ask again after `Retry-After`, a submission with its `Idempotency-Key`; it may have happened.",
    ),
}


def kinds() -> list[Kind]:
    """Every problem that there is, by status."""
    return sorted({*KINDS.values(), *HTTP_KINDS.values()})
