"""Compute on other people's machines, which is asked to run a job and claims it from there."""

from enum import StrEnum
from typing import NamedTuple, Protocol

from domain.identifiers import JobId, Json, MessageId, UserId


class Fate(StrEnum):
    """What became of a call, as far as its compute tells."""

    NOT_FINISHED = "not_finished"
    FINISHED = "finished"
    RAISED = "raised"
    TIMED_OUT = "timed_out"
    BROKEN = "broken"
    FORGOTTEN = "forgotten"


class Call(NamedTuple):
    """What a call is told. `job_parameters` is None when they are too large to be sent along."""

    job_id: JobId
    job_type: str
    user_id: UserId
    job_parameters: Json
    msg_id: MessageId
    read_ct: int


class RemoteCompute(Protocol):
    """Every method has a deadline, and raises ComputeUnavailable then: what was asked may have happened."""

    @property
    def name(self) -> str:
        """What AttemptDispatched and AttemptStarted record as `compute`."""

    async def spawn(self, call: Call) -> str:
        """Ask for the job to be run; the call's id. Asking twice makes two calls."""

    async def fate(self, call_id: str) -> Fate:
        """What became of the call."""

    async def terminate(self, call_id: str) -> None:
        """Cancel the call, and stop the container that runs it; nothing when it is over."""
