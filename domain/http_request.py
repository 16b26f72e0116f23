"""The built-in job type that calls an HTTP server: a task queue for those who write no Python."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from domain.identifiers import Json
from domain.job_types import JobContext, JobType, NotRetryable, RetryLater, job_type
from domain.ports.outbound_http import DestinationRefused, OutboundAnswer, OutboundHttp, OutboundRequest
from domain.ports.system import Clock
from domain.retries import RetryPolicy

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

MAX_URL_CHARACTERS = 2048
MAX_HEADERS = 50
MAX_HEADER_CHARACTERS = 4096
MAX_TIMEOUT_SECONDS = 600
MAX_REDIRECTS = 5
MAX_RETRY_AFTER_SECONDS = 86_400.0
# What says how the message travels, or where to: ours to write.
RESERVED_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade",
     "proxy-authorization", "proxy-connection", "expect"}
)  # fmt: skip
# Besides every 5xx: the server asks for patience. RFC 9110 section 15.5.9, RFC 8470, RFC 6585.
RETRYABLE = frozenset({408, 425, 429})
LEAST_SERVER_ERROR = 500
# RFC 9110 section 5.1: a token.
TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request as the job sends it. `body` is any JSON value, or text as it stands in `body_text`.

    `expected_status` lists what counts as success, any 2xx when it is empty. The job ends with the answer's
    `status`, `url`, `headers` and `body` (JSON where it is, else text).
    """

    url: str
    method: Method = "POST"
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    body_text: str | None = None
    expected_status: list[int] = field(default_factory=list)
    timeout_seconds: float = 30.0
    follow_redirects: bool = True

    def __post_init__(self) -> None:
        check_url(self.url)
        _check_headers(self.headers)
        if self.body is not None and self.body_text is not None:
            raise ValueError("give body or body_text, not both")
        if not 0 < self.timeout_seconds <= MAX_TIMEOUT_SECONDS:
            raise ValueError(f"timeout_seconds must be above 0 and at most {MAX_TIMEOUT_SECONDS}")
        if not all(100 <= status <= 599 for status in self.expected_status):  # noqa: PLR2004 - RFC 9110
            raise ValueError("expected_status holds HTTP statuses, 100 to 599")


class UnexpectedStatus(RetryLater):
    """The server answered, and asks for another try."""


def http_request_type(outbound: OutboundHttp, clock: Clock) -> JobType:
    """The job type over this way to the world."""

    @job_type(
        "http_request",
        retry=RetryPolicy(max_attempts=8, first_delay_seconds=2.0, max_delay_seconds=3600.0),
        timeout_seconds=MAX_TIMEOUT_SECONDS + 30,
    )
    async def http_request(context: JobContext, parameters: HttpRequest) -> Json:
        """Send an HTTP request and end with its answer.

        Tried again on no answer, 408, 425, 429 and 5xx, no sooner than `Retry-After` says; any other status
        that is not expected ends the job. Each try carries the job's id as `Idempotency-Key`, so that the
        server can tell a second try from a second request.
        """
        try:
            answer = await outbound.send(_request(context, parameters))
        except DestinationRefused as refused:
            raise NotRetryable(str(refused)) from None
        if _is_expected(answer.status, parameters.expected_status):
            return _result(answer)
        told = f"{answer.url} answered {answer.status}: {_text(answer)[:500]}"
        if answer.status in RETRYABLE or answer.status >= LEAST_SERVER_ERROR:
            raise UnexpectedStatus(told, after_seconds=retry_after(answer.headers, clock.now()))
        raise NotRetryable(told)

    return http_request


def check_url(url: str) -> None:
    if len(url) > MAX_URL_CHARACTERS:
        raise ValueError(f"url has more than {MAX_URL_CHARACTERS} characters")
    if not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
        raise ValueError("url holds characters that must be percent-encoded")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("url must begin with http:// or https:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("url must not hold a user name or password; use a header")


def _check_headers(headers: Mapping[str, str]) -> None:
    if len(headers) > MAX_HEADERS:
        raise ValueError(f"there are more than {MAX_HEADERS} headers")
    for name, value in headers.items():
        if not name or not set(name) <= TOKEN or name.lower() in RESERVED_HEADERS:
            raise ValueError(f"the header {name[:100]!r} cannot be set")
        if len(value) > MAX_HEADER_CHARACTERS or not value.isprintable() or not value.isascii():
            raise ValueError(f"the value of the header {name[:100]!r} is too long or not printable ASCII")


def _request(context: JobContext, parameters: HttpRequest) -> OutboundRequest:
    headers = {
        "User-Agent": "Jobledger",
        # RFC 8941 string, as the IETF's draft on the Idempotency-Key header wants it.
        "Idempotency-Key": f'"{context.job_id}"',
        "Jobledger-Job-Id": context.job_id,
        "Jobledger-Attempt": str(context.attempt),
    }
    body = parameters.body_text.encode() if parameters.body_text is not None else None
    if parameters.body is not None:
        body = json.dumps(parameters.body, ensure_ascii=False, separators=(",", ":")).encode()
        headers["Content-Type"] = "application/json"
    given = {name.lower() for name in parameters.headers}
    ours = {name: value for name, value in headers.items() if name.lower() not in given}
    return OutboundRequest(
        method=parameters.method,
        url=parameters.url,
        headers=ours | parameters.headers,
        body=body,
        timeout_seconds=parameters.timeout_seconds,
        max_redirects=MAX_REDIRECTS if parameters.follow_redirects else 0,
    )


def _is_expected(status: int, expected: list[int]) -> bool:
    return status in expected if expected else 200 <= status < 300  # noqa: PLR2004 - RFC 9110


def _result(answer: OutboundAnswer) -> Json:
    body: Json = _text(answer)
    if "json" in answer.headers.get("content-type", "") and not answer.is_cut:
        with suppress(ValueError):
            body = json.loads(answer.body)
    return {
        "status": answer.status,
        "url": answer.url,
        "headers": dict(answer.headers),
        "body": body,
        "body_is_cut": answer.is_cut,
    }


def _text(answer: OutboundAnswer) -> str:
    return answer.body.decode(errors="replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")


def retry_after(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds by RFC 9110 section 10.2.3: a number, or a date; 0 where there is none that makes sense."""
    told = headers.get("retry-after", "").strip()
    if told.isdecimal():
        return min(float(told), MAX_RETRY_AFTER_SECONDS)
    try:
        at = parsedate_to_datetime(told)
    except ValueError:
        return 0.0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - now).total_seconds(), 0.0), MAX_RETRY_AFTER_SECONDS)
