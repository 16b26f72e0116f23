"""What the service answers, as types: plain dictionaries, as they come."""

from typing import Any, Literal, TypedDict

Status = Literal[
    "scheduled", "pending", "processing", "cancelling", "retrying", "completed", "failed", "cancelled"
]


class Progress(TypedDict):
    percent: int | None
    message: str | None


class ErrorInfo(TypedDict):
    """Why the latest attempt, or the job, ended without completing."""

    cause: str
    attempt: int
    type: str | None
    message: str | None
    retryable: bool | None


class Job(TypedDict):
    """A job as it was when the service answered. Times are RFC 3339 texts; `version` counts its events."""

    id: str
    user_id: str
    job_type: str
    job_parameters: Any
    status: Status
    version: int
    attempt: int
    max_attempts: int
    priority: int
    tags: list[str]
    group_key: str | None
    progress: Progress | None
    result: Any
    error_info: ErrorInfo | None
    data_references: list[str]
    unique_key: str | None
    run_at: str | None
    due_at: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    updated_at: str
    links: dict[str, str]


class Actor(TypedDict):
    kind: str
    id: str


class Event(TypedDict):
    """One thing that happened to a job; `data` is what `type` says, without what was erased."""

    job_id: str
    version: int
    type: str
    schema_version: int
    recorded_at: str
    actor: Actor
    request_id: str | None
    command_id: str
    traceparent: str | None
    code_version: str
    data: dict[str, Any]
    commitment: str | None
    is_erased: bool


class SubmissionResult(TypedDict):
    """What became of one job of many: `job` or `problem` is None."""

    index: int
    status: int
    is_replay: bool
    job: Job | None
    problem: dict[str, Any] | None
