"""`jobledger deploy` and `jobledger modal-secrets`: to Modal, after looking at all that can go wrong."""

import sys
from enum import StrEnum
from typing import Annotated, Any

import typer
from pydantic import SecretStr

from domain.errors import InvalidSettings
from entrypoints import bootstrap
from entrypoints.modal_plan import CARRIED, WEB_SECONDS, SecretPlan, connections, secrets_of
from entrypoints.parts import run_async
from entrypoints.settings import Settings, load_settings


class Target(StrEnum):
    DEV = "dev"
    PROD = "prod"


Where = Annotated[Target, typer.Argument(help="The environment on Modal.")]


def register(app: typer.Typer) -> None:
    app.command()(deploy)
    app.command("modal-secrets")(modal_secrets)


def deploy(
    target: Where,
    check: Annotated[bool, typer.Option("--check", help="Only look; deploy nothing.")] = False,
) -> None:
    """Deploy the API, the jobs and the schedules to Modal, once every check has passed."""
    settings = load_settings()
    if problems := run_async(find_problems(settings, target)):
        raise InvalidSettings("Nothing was deployed.\n" + "\n".join(f"- {problem}" for problem in problems))
    if check:
        sys.stdout.write(f"Ready to be deployed to {target}.\n")
        return
    deployment = modal_bootstrap().modal_deployment(settings, environment=target)
    deployment.deploy(carried(settings))
    url = run_async(deployment.api_url())
    sys.stdout.write(f"The API is at {url} (documentation: {url}/docs).\n")


async def find_problems(settings: Settings, target: Target) -> list[str]:
    """Everything that stands against a deployment, each with what to do about it."""
    return [
        *_wrong_settings(settings),
        *_wrong_schema(settings),
        *await _wrong_on_modal(settings, target),
    ]


def _wrong_settings(settings: Settings) -> list[str]:
    problems = []
    taken = connections(
        max_containers=settings.modal_max_containers,
        api_max_containers=settings.modal_api_max_containers,
        pool_size=settings.database_pool_size,
        seals=settings.modal_seals,
    )
    if taken.total > settings.modal_max_connections:
        problems.append(
            f"Containers may take {taken.total} connections of MODAL_MAX_CONNECTIONS="
            f"{settings.modal_max_connections}: {taken.jobs} for jobs, {taken.api} for the API and "
            f"{taken.schedules} for schedules. Lower MODAL_MAX_CONTAINERS, MODAL_API_MAX_CONTAINERS or "
            "DATABASE_POOL_SIZE, or raise the limit if the database bears it."
        )
    if settings.request_timeout_seconds >= WEB_SECONDS:
        problems.append(
            f"REQUEST_TIMEOUT_SECONDS={settings.request_timeout_seconds:g} is longer than Modal waits for an "
            f"answer: below {WEB_SECONDS}, it is ours that clients get."
        )
    problems += [
        f"A job of type {kind.name} may take {kind.timeout_seconds} s, longer than MODAL_TIMEOUT_SECONDS="
        f"{settings.modal_timeout_seconds}: Modal would end it."
        for kind in bootstrap.job_types(settings)
        if kind.timeout_seconds >= settings.modal_timeout_seconds
    ]
    return problems


def _wrong_schema(settings: Settings) -> list[str]:
    found, known = modal_bootstrap().schema_revision(settings), [*modal_bootstrap().schema_revisions()]
    if found is None:
        return ["The database has no schema: run `jobledger migrate`."]
    if found not in known:
        return [f"The database is at revision {found}, which this checkout does not know: it is too old."]
    if found != known[-1]:
        return [f"The database is at revision {found} of {known[-1]}: run `jobledger migrate` first."]
    return []


async def _wrong_on_modal(settings: Settings, target: Target) -> list[str]:
    deployment = modal_bootstrap().modal_deployment(settings, environment=target)
    problems = [
        f"The secret {secret.name} with {', '.join(secret.keys)} is not in {target}: "
        f"`jobledger modal-secrets {target}` says how to make it."
        for secret in secrets_of(seals=settings.modal_seals)
        if not await deployment.is_secret_present(secret.name, secret.keys)
    ]
    tags = await deployment.running_tags()
    if running := (tags or {}).get("schema"):
        breaking = [
            revision
            for revision, goes_on in modal_bootstrap().schema_revisions().items()
            if revision > running and not goes_on
        ]
        if breaking:
            problems.append(
                f"The containers that run now know the schema up to {running} and cannot go on over "
                f"{', '.join(breaking)}, beside which they would run for a while: deploy the version in "
                "between first, or stop the app."
            )
    return problems


def modal_bootstrap() -> Any:
    # Most of a second, and no other command needs it.
    from entrypoints import modal_bootstrap as found  # noqa: PLC0415

    return found


def carried(settings: Settings) -> dict[str, str]:
    """The settings that the image carries, as they were set here, in the environment or in `.env`."""
    return {
        name: _spelt(getattr(settings, name.lower()))
        for name in CARRIED
        if name.lower() in settings.model_fields_set
    }


def _spelt(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def modal_secrets(
    target: Where,
    create: Annotated[bool, typer.Option("--create", help="Make them, of the settings here.")] = False,
) -> None:
    """Print the commands that make the secrets on Modal, without their values; or make them."""
    settings = load_settings()
    for secret in secrets_of(seals=settings.modal_seals):
        if create:
            keys = make_secret(settings, secret, target)
            sys.stdout.write(f"{secret.name} in {target} holds {', '.join(keys)}.\n")
        else:
            pairs = " ".join(f'{key}="${key}"' for key in _keys(settings, secret))
            sys.stdout.write(f"modal secret create --env {target} --force {secret.name} {pairs}\n")


def make_secret(settings: Settings, secret: SecretPlan, target: Target) -> list[str]:
    """Make the secret of the settings here; which keys it holds then.

    Raises InvalidSettings where they do not have what it must hold, and ComputeUnavailable.
    """
    keys = _keys(settings, secret)
    values = {key: getattr(settings, key.lower()) for key in keys}
    if missing := [key for key, value in values.items() if value is None]:
        raise InvalidSettings(f"{', '.join(missing)} is not set, and {secret.name} must hold it.")
    told = {
        key: value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for key, value in values.items()
    }
    deployment = modal_bootstrap().modal_deployment(settings, environment=target)
    run_async(deployment.put_secret(secret.name, told))
    return keys


def _keys(settings: Settings, secret: SecretPlan) -> list[str]:
    """What it must hold, and what it may hold and is set here."""
    return [*secret.keys, *(key for key in secret.optional if key.lower() in settings.model_fields_set)]
