"""Which compute runs a job type."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

LOCAL = "local"
MODAL = "modal"
COMPUTES = (LOCAL, MODAL)


class Routes(NamedTuple):
    """`by_type` names the job types that go elsewhere than to `default`.

    A job is routed when it begins to wait: a change counts from then on.
    """

    default: str = LOCAL
    by_type: Mapping[str, str] = MappingProxyType({})

    def compute_of(self, job_type: str) -> str:
        return self.by_type.get(job_type, self.default)

    def is_remote(self, job_type: str) -> bool:
        return self.compute_of(job_type) != LOCAL

    @property
    def has_remote(self) -> bool:
        return any(compute != LOCAL for compute in (self.default, *self.by_type.values()))

    @property
    def routed_apart(self) -> list[str]:
        """The job types that run remotely although others do not, or the other way round."""
        others_are_remote = self.default != LOCAL
        return [name for name in self.by_type if self.is_remote(name) != others_are_remote]


EVERYTHING_LOCAL = Routes()
