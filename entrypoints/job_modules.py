"""Users' own job types, from the modules that JOB_MODULES names."""

from collections.abc import Iterable, Sequence
from importlib import import_module

from domain.errors import InvalidSettings
from domain.job_types import JobType, JobTypes


def with_modules(built_in: Iterable[JobType], modules: Sequence[str]) -> JobTypes:
    """The built-in job types and those of the modules; raises InvalidSettings for a module that is wrong."""
    known = {kind.name: kind for kind in built_in}
    for name in modules:
        try:
            module = import_module(name)
        except ImportError as error:
            raise InvalidSettings(f"JOB_MODULES: {name} cannot be imported: {error}") from error
        found = [value for value in vars(module).values() if isinstance(value, JobType)]
        for kind in found:
            if known.setdefault(kind.name, kind) is not kind:
                raise InvalidSettings(f"JOB_MODULES: two job types are named {kind.name!r}.")
    return JobTypes(known.values())
