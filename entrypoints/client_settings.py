"""What can be set of how clients may ask: the part of the settings that only the API reads."""

from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Names = Annotated[list[str], NoDecode, BeforeValidator(_split)]


class ClientSettings(BaseSettings):
    cors_origins: Names = Field(
        [], description="Origins of browser applications that may ask, as `https://app.example`; `*` for any."
    )
    rate_limit_per_user: str | None = Field(
        None, description="How often a user may ask, like `100/second;10000/hour`; unset: not bounded."
    )
    rate_limit_per_address: str | None = Field(
        None, description="How often an address may ask, before its token is looked at; unset: not bounded."
    )
    rate_limit_storage: SecretStr = Field(
        SecretStr("async+memory://"),
        description="Where the `limits` library counts: `async+memory://` is each process for itself, "
        "`async+redis://host:6379` (with its client installed) all together.",
    )
    request_timeout_seconds: float = Field(
        60.0, ge=35, le=3600, description="How long a request may take to begin its answer, before a 503."
    )
    idempotency_wait_seconds: float = Field(
        10.0, gt=0, le=60, description="How long a request waits for its twin with the same key before a 409."
    )
