"""Examines an installation: settings first, then the store, the work in it, and what is around them."""

import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from domain.doctor.findings import Finding, error, fine, unknown, warning
from domain.doctor.store import judge_store
from domain.doctor.surroundings import judge_disk, judge_hints, judge_keys, judge_no_keys
from domain.doctor.work import judge_work
from domain.errors import InvalidSettings, StorageUnavailable
from domain.ports.examination import Examination
from domain.ports.system import Clock
from entrypoints import bootstrap
from entrypoints.settings import Environment, Settings, misspelt_settings
from entrypoints.tracing_settings import wants_tracing

ABOVE = "See to what stands above first."


async def examine(settings: Settings, clock: Clock) -> list[Finding]:
    """Every finding, in the order in which they are best looked at; nothing is changed anywhere."""
    findings = list(_settings(settings))
    try:
        database_url = settings.database_url
        examination = bootstrap.examination(settings)
    except InvalidSettings as problem:
        return [*findings, error("settings", str(problem), "Set it; .env.example has every setting.")]
    store = [finding async for finding in _store(examination, settings, clock)]
    findings += store
    if any(finding.check in {"database", "migrations"} and finding.verdict == "error" for finding in store):
        findings.append(unknown("work", "The work cannot be looked at.", ABOVE))
    else:
        findings += [finding async for finding in _work(settings)]
        findings.append(await _hints(examination, settings))
    findings.append(await _tokens(examination, settings))
    return [*findings, *_disks(settings, database_url)]


def _settings(settings: Settings) -> Iterator[Finding]:
    checks: tuple[Callable[[], object], ...] = (
        lambda: bootstrap.job_types(settings),
        lambda: wants_tracing(os.environ),
    )
    problems = []
    for check in checks:
        try:
            check()
        except InvalidSettings as problem:
            problems.append(str(problem))
    misspelt = [f"{name} is no setting; {meant} is." for name, meant in misspelt_settings(os.environ)]
    if problems:
        yield error("settings", " ".join(problems), "Nothing starts like that: mend the settings.")
    elif misspelt:
        yield warning("settings", " ".join(misspelt), "Nobody reads it: mend its name, or take it away.")
    else:
        yield fine("settings", f"ENVIRONMENT is {settings.environment.value}.")


async def _store(examination: Examination, settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    try:
        facts = await examination.store(clock=clock)
    except StorageUnavailable as problem:
        advice = "See whether TRANSACTION_POOLER_URL is right and PostgreSQL runs there."
        yield error("database", f"It cannot be reached: {problem}", advice)
        return
    newest = examination.newest_revision()
    says_pooled = settings.database_is_pooled
    for finding in judge_store(facts, newest_revision=newest, says_pooled=says_pooled):
        yield finding


async def _work(settings: Settings) -> AsyncIterator[Finding]:
    try:
        async with bootstrap.open_services(settings) as services:
            vitals = await services.vitals.read()
            depth = await services.statistics.queue_depth()
            workers = await services.workers.living()
            job_types = services.types.names()
    except Exception as problem:  # noqa: BLE001 - whatever is missing there was found above, and says why
        yield unknown("work", f"The work cannot be looked at: {type(problem).__name__}.", ABOVE)
        return
    for finding in judge_work(
        vitals,
        depth,
        workers,
        job_types=job_types,
        sweep_minutes=settings.recovery_minutes,
        comes_and_goes=settings.modal_seals or settings.routes.has_remote,
    ):
        yield finding


async def _hints(examination: Examination, settings: Settings) -> Finding:
    if settings.listen_url is None:
        return judge_hints(hears=None)
    try:
        return judge_hints(hears=await examination.hears(settings.listen_url.get_secret_value()))
    except StorageUnavailable as problem:
        return error("hints", f"LISTEN_URL cannot be reached: {problem}", "See whether it is right.")


async def _tokens(examination: Examination, settings: Settings) -> Finding:
    try:
        return judge_keys(await examination.token_keys(), issuer=settings.issuer)
    except StorageUnavailable as problem:
        is_local = settings.environment is Environment.LOCAL and not settings.supabase_url
        return judge_no_keys(str(problem), issuer=settings.issuer, is_local=is_local)


def _disks(settings: Settings, database_url: str) -> Iterator[Finding]:
    places = {"data directory": settings.data_directory.absolute()}
    # A service whose PostgreSQL is elsewhere and whose tokens come from elsewhere keeps nothing here.
    if str(places["data directory"]) not in database_url and not settings.data_directory.exists():
        places.clear()
    if settings.checkpoint_directory:
        places["checkpoint directory"] = settings.checkpoint_directory.absolute()
    for check, path in places.items():
        yield judge_disk(
            check, path, free_bytes=_free(path), is_writable=path.is_dir() and os.access(path, os.W_OK)
        )


def _free(path: Path) -> int | None:
    return shutil.disk_usage(path).free if path.is_dir() else None
