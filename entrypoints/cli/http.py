"""The client commands' way to the service, and what its refusals mean for the exit code."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httpx

from domain.errors import JobledgerError
from domain.identifiers import UserId
from entrypoints import bootstrap
from entrypoints.local_service import LOCAL_USER
from entrypoints.settings import load_settings

DONE, JOB_FAILED, WRONG_USAGE, NOT_FOUND, REFUSED, NOT_AUTHENTICATED, UNREACHABLE = range(7)

CODES = {401: NOT_AUTHENTICATED, 403: NOT_AUTHENTICATED, 404: NOT_FOUND, 410: NOT_FOUND}


def make_client(url: str | None, token: str | None, *, roles: tuple[str, ...] = ()) -> httpx.Client:
    """A client for the service at `url`; where no token is given, with a local user's who has these roles."""
    address = url or os.environ.get("JOBLEDGER_URL")
    bearer = token or os.environ.get("JOBLEDGER_TOKEN")
    if not address or not bearer:
        settings = load_settings()
        address = address or f"http://{settings.api_host}:{settings.api_port}"
        bearer = bearer or local_token(user=LOCAL_USER, roles=roles, url=address)
    headers = {"Authorization": f"Bearer {bearer}"}
    try:
        return httpx.Client(base_url=address, headers=headers, timeout=35, trust_env=False)
    except httpx.InvalidURL as error:
        leave(f"{address} is no URL: {error}", WRONG_USAGE)


def local_token(*, user: str, roles: tuple[str, ...] = (), url: str | None = None) -> str:
    """A token of the local issuer, which goes by the address of the service: `url`, or the settings'."""
    settings = load_settings()
    if url is not None:
        settings = settings.model_copy(update=address_in(url))
    issuer = bootstrap.local_issuer(settings)
    if issuer is None:
        raise JobledgerError("Tokens come from SUPABASE_URL here; pass one with --token or JOBLEDGER_TOKEN.")
    return issuer.issue(user_id=UserId(user), roles=roles)


def address_in(url: str) -> dict[str, str | int]:
    try:
        parts = urlsplit(url)
        found = {"api_host": parts.hostname, "api_port": parts.port}
    except ValueError as error:
        leave(f"{url} is no URL: {error}", WRONG_USAGE)
    return {name: value for name, value in found.items() if value is not None}


def ask(client: httpx.Client, method: str, path: str, **rest: Any) -> Any:
    """The answer's JSON; a refusal is one line on standard error and its exit code."""
    try:
        return _answer(client, method, path, **rest).json()
    except ValueError:
        leave(f"{client.base_url} does not answer like Jobledger.", UNREACHABLE)


def ask_nothing(client: httpx.Client, method: str, path: str, **rest: Any) -> None:
    """For what answers nothing when it is done; a refusal as in `ask`."""
    _answer(client, method, path, **rest)


def ask_text(client: httpx.Client, path: str, **rest: Any) -> str:
    """The answer as it is; a refusal as in `ask`."""
    return _answer(client, "GET", path, **rest).text


def ask_pieces(client: httpx.Client, path: str, **rest: Any) -> Iterator[bytes]:
    """A long answer piece by piece; a refusal as in `ask`, and so an answer that breaks off."""
    with _reaching(client), client.stream("GET", path, **rest) as answer:
        if not answer.is_success:
            answer.read()
            _leave_refused(answer)
        yield from answer.iter_bytes()


def _answer(client: httpx.Client, method: str, path: str, **rest: Any) -> httpx.Response:
    with _reaching(client):
        answer = client.request(method, path, **rest)
    if not answer.is_success:
        _leave_refused(answer)
    return answer


@contextmanager
def _reaching(client: httpx.Client) -> Iterator[None]:
    try:
        yield
    except httpx.UnsupportedProtocol as error:
        leave(f"{client.base_url} is no URL: {error}", WRONG_USAGE)
    except httpx.HTTPError as error:
        leave(f"{client.base_url} cannot be reached: {error}", UNREACHABLE)


def _leave_refused(answer: httpx.Response) -> NoReturn:
    otherwise = UNREACHABLE if answer.is_server_error else REFUSED
    leave(_told(answer), CODES.get(answer.status_code, otherwise))


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
