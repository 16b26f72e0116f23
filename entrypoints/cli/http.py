"""The client commands' way to the service, and what its refusals mean for the exit code."""

import os
import sys
from typing import Any, NoReturn

import httpx

from domain.errors import JobledgerError
from domain.identifiers import UserId
from entrypoints import bootstrap
from entrypoints.local_service import LOCAL_USER
from entrypoints.settings import load_settings

DONE, JOB_FAILED, WRONG_USAGE, NOT_FOUND, REFUSED, NOT_AUTHENTICATED, UNREACHABLE = range(7)

CODES = {401: NOT_AUTHENTICATED, 404: NOT_FOUND, 503: UNREACHABLE}


def make_client(url: str | None, token: str | None) -> httpx.Client:
    """A client for the service at `url`, with the local user's token where none is given."""
    address = url or os.environ.get("JOBLEDGER_URL")
    bearer = token or os.environ.get("JOBLEDGER_TOKEN")
    if not address or not bearer:
        settings = load_settings()
        address = address or f"http://{settings.api_host}:{settings.api_port}"
        bearer = bearer or local_token(user=LOCAL_USER)
    headers = {"Authorization": f"Bearer {bearer}"}
    return httpx.Client(base_url=address, headers=headers, timeout=35, trust_env=False)


def local_token(*, user: str, roles: tuple[str, ...] = ()) -> str:
    issuer = bootstrap.local_issuer(load_settings())
    if issuer is None:
        raise JobledgerError("Tokens come from SUPABASE_URL here; pass one with --token or JOBLEDGER_TOKEN.")
    return issuer.issue(user_id=UserId(user), roles=roles)


def ask(client: httpx.Client, method: str, path: str, **rest: Any) -> Any:
    """The answer's JSON; a refusal is one line on standard error and its exit code."""
    try:
        answer = client.request(method, path, **rest)
    except httpx.HTTPError as error:
        leave(f"{client.base_url} cannot be reached: {error}", UNREACHABLE)
    if not answer.is_success:
        leave(_told(answer), CODES.get(answer.status_code, REFUSED))
    return answer.json()


def leave(line: str, code: int) -> NoReturn:
    sys.stderr.write(f"jobledger: {line}\n")
    sys.exit(code)


def _told(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
        errors = [f"{error['pointer']}: {error['detail']}" for error in problem.get("errors", [])]
        detail = "; ".join(errors) or problem["detail"]
        return f"{problem['title']}. {detail} (request {problem['request_id']})"
    except (ValueError, KeyError):
        return f"The service answered {answer.status_code}."
