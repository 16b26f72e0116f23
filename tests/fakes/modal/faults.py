"""What can go wrong between a client and Modal, planned by a test."""

from dataclasses import dataclass

from grpclib import GRPCError, Status
from modal_proto import api_pb2


@dataclass(frozen=True, slots=True)
class Refuse:
    """The request is refused; with `retry_after_seconds`, as Modal's throttling does it."""

    status: Status
    message: str = "refused by the test"
    retry_after_seconds: float | None = None

    def error(self) -> GRPCError:
        if self.retry_after_seconds is None:
            return GRPCError(self.status, self.message)
        policy = api_pb2.RPCRetryPolicy(retry_after_secs=self.retry_after_seconds)
        return GRPCError(self.status, self.message, [policy])


@dataclass(frozen=True, slots=True)
class LoseReply:
    """The request is done, and its answer never arrives."""


Fault = Refuse | LoseReply
THROTTLED = Refuse(Status.RESOURCE_EXHAUSTED, "throttled", retry_after_seconds=1.0)
