"""Everything that can be refused, as one tree.

JobledgerError
├── JobNotFound              no such job, or not the caller's
├── JobArchived              jobs of that month lie in a file
├── IllegalTransition        the job's state does not allow the act
├── VersionConflict          the job moved on since the caller looked
├── InvalidSubmission        one or more fields cannot be accepted
├── KeyReused                the idempotency key belongs to another request
├── KeyInUse                 a request with the same idempotency key is still under way
├── UniqueKeyHeld            another live job holds the unique key
├── BatchRefused             one of all or nothing was refused
├── EndpointNotFound         no such webhook endpoint, or not the caller's
├── ScheduleNotFound         no such schedule, or not the caller's
├── QueueNotFound            no queue has that name
├── LimitNotFound            nobody set such a limit
├── NotSealed                the ledger does not hold that yet
├── NotAuthenticated         no valid token
├── IssuerUnavailable        tokens cannot be verified now
├── RateLimited              this caller asks too often
├── NotPermitted             the caller's role does not allow it
├── HistoryTakenBack         the database went back in time beneath a running sealer
├── CopiesUnavailable        checkpoints cannot be kept outside the database now
├── StorageUnavailable       the database cannot be reached, or is too busy, now
├── ComputeUnavailable       remote compute cannot be reached, or is too busy, now
├── InvalidSettings          the service cannot start as configured
├── ArchiveNotSound          an archive does not say what it should
├── NotRebuilt               the read model was left as it was
└── AttemptGivenUp           this attempt no longer owns its job

The HTTP statuses stand in one table, `entrypoints/api/problems.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.identifiers import JobId


class JobledgerError(Exception):
    """Whatever this service refuses or cannot do; its text is fit to be shown to a user."""


class JobNotFound(JobledgerError):
    """`told` where there is the job, but not what was asked of it."""

    def __init__(self, job_id: str, told: str = "") -> None:
        super().__init__(told or f"There is no job {job_id}.")
        self.job_id = job_id


class JobArchived(JobledgerError):
    """Whether the job ever was, only the file can tell."""

    def __init__(self, job_id: str, *, month: str, file: str) -> None:
        super().__init__(f"Jobs submitted in {month} were archived to {file}; {job_id} is of that month.")
        self.job_id = job_id
        self.month = month
        self.file = file


class IllegalTransition(JobledgerError):
    def __init__(self, *, act: str, status: str | None) -> None:
        super().__init__(f"A job that is {status or 'new'} cannot be asked to {act.replace('_', ' ')}.")
        self.act = act
        self.status = status


class VersionConflict(JobledgerError):
    def __init__(self, job_id: JobId, *, expected: int | None, actual: int | None = None) -> None:
        there = "another version" if expected is None else f"version {expected}"
        now = "has moved on" if actual is None else f"is at version {actual}"
        super().__init__(f"Job {job_id} was expected at {there} but {now}.")
        self.job_id = job_id
        self.expected = expected
        self.actual = actual


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProblem:
    """One thing wrong with one field; `pointer` is a JSON pointer (RFC 6901) into the request."""

    pointer: str
    detail: str


class InvalidSubmission(JobledgerError):
    def __init__(self, problems: list[FieldProblem]) -> None:
        super().__init__("; ".join(f"{problem.pointer}: {problem.detail}" for problem in problems))
        self.problems = problems


class KeyReused(JobledgerError):
    """`differs` are JSON pointers into the request; empty where the job does not tell."""

    def __init__(self, job_id: JobId, *, differs: list[str]) -> None:
        where = f"; it differs at {', '.join(differs)}" if differs else ""
        super().__init__(f"This idempotency key submitted job {job_id} with another request{where}.")
        self.job_id = job_id
        self.differs = differs


class KeyInUse(JobledgerError):
    pass


class UniqueKeyHeld(JobledgerError):
    def __init__(self, job_id: JobId) -> None:
        super().__init__(f"Job {job_id} holds this unique key until it ends.")
        self.job_id = job_id


class BatchRefused(JobledgerError):
    """`refusals` says of each place in the batch that was refused why; nothing of the batch was accepted."""

    def __init__(self, refusals: Mapping[int, JobledgerError]) -> None:
        super().__init__(f"{len(refusals)} of the jobs cannot be accepted, so none was.")
        self.refusals = refusals


class EndpointNotFound(JobledgerError):
    def __init__(self, endpoint_id: str) -> None:
        super().__init__(f"There is no webhook endpoint {endpoint_id}.")


class ScheduleNotFound(JobledgerError):
    def __init__(self, schedule_id: str) -> None:
        super().__init__(f"There is no schedule {schedule_id}.")


class QueueNotFound(JobledgerError):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is no queue {name}: queues have the names of job types.")


class LimitNotFound(JobledgerError):
    def __init__(self) -> None:
        super().__init__("There is no such limit.")


class NotSealed(JobledgerError):
    """The ledger, or its last checkpoint, does not reach so far."""


class NotAuthenticated(JobledgerError):
    """No token, or one that does not verify; the text never says more than the client may know."""

    def __init__(self, told: str, *, is_missing: bool = False) -> None:
        super().__init__(told)
        self.is_missing = is_missing


class IssuerUnavailable(JobledgerError):
    """The issuer's keys cannot be had: the token may be good, or not."""


class RateLimited(JobledgerError):
    def __init__(self, policy: str, *, retry_after_seconds: int) -> None:
        super().__init__(f"The limit {policy!r} is used up; it is renewed in {retry_after_seconds} s.")
        self.policy = policy
        self.retry_after_seconds = retry_after_seconds


class NotPermitted(JobledgerError):
    pass


class HistoryTakenBack(JobledgerError):
    """The database is not the one that this sealer sealed; it has to open the ledger anew."""


class CopiesUnavailable(JobledgerError):
    pass


class StorageUnavailable(JobledgerError):
    pass


class ComputeUnavailable(JobledgerError):
    pass


class InvalidSettings(JobledgerError):
    pass


class ArchiveNotSound(JobledgerError):
    """Nothing was taken away for it."""


class NotRebuilt(JobledgerError):
    """The read model cannot be made anew, and was left as it was; the text says why."""


class AttemptGivenUp(JobledgerError):
    def __init__(self, job_id: JobId, attempt: int) -> None:
        super().__init__(f"Attempt {attempt} of job {job_id} was given up; its outcome is not written.")
        self.job_id = job_id
        self.attempt = attempt
