"""What the service refuses, as exceptions."""

import httpx

from .shapes import Job


class ServiceProblem(Exception):
    """An RFC 9457 problem: `kind` ends its type and is stable, `errors` name the fields at fault."""

    def __init__(self, answer: httpx.Response) -> None:
        try:
            problem = answer.json()
        except ValueError:
            problem = {}
        if not isinstance(problem, dict):
            problem = {}
        self.status = answer.status_code
        self.kind = str(problem.get("type", "")).rstrip("/").rsplit("/", 1)[-1]
        self.title = str(problem.get("title", f"The service answered {answer.status_code}"))
        self.detail = str(problem.get("detail", ""))
        self.request_id = problem.get("request_id")
        self.errors: list[dict[str, str]] = problem.get("errors") or []
        fields = "; ".join(f"{error.get('pointer')}: {error.get('detail')}" for error in self.errors)
        super().__init__(f"{self.title}. {fields or self.detail}".strip())


class NotAuthenticated(ServiceProblem):
    """401: the token is missing, expired or not of this service's issuer."""


class NotPermitted(ServiceProblem):
    """403: your role does not allow that."""


class NotFound(ServiceProblem):
    """404: there is no such job, or it is somebody else's; 410: jobs of its month were archived."""


class Conflict(ServiceProblem):
    """409 or 412: the job's state does not allow that, or another job holds the unique key."""


class Invalid(ServiceProblem):
    """422: the request cannot be accepted as it is."""


class Unavailable(ServiceProblem):
    """429 or 503, still so after the last try."""


KINDS: dict[int, type[ServiceProblem]] = {
    401: NotAuthenticated,
    403: NotPermitted,
    404: NotFound,
    410: NotFound,
    409: Conflict,
    412: Conflict,
    422: Invalid,
    429: Unavailable,
    503: Unavailable,
}


def problem_of(answer: httpx.Response) -> ServiceProblem:
    return KINDS.get(answer.status_code, ServiceProblem)(answer)


class NotEndedYet(TimeoutError):
    """The job had not ended when the time to wait for it was over; `job` is how it was then."""

    def __init__(self, job: Job) -> None:
        super().__init__(f"Job {job['id']} is still {job['status']}.")
        self.job = job
