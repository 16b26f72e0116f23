"""Archiving over the real database: what goes where, what may interrupt it, and what is said afterwards."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from domain.archive import check_archive
from domain.errors import ArchiveNotSound
from domain.identifiers import JobId
from domain.months import next_month
from domain.ports.archive import ArchivedMonth
from domain.use_cases.archive import KeptMonth, archive_months, drop_detached
from domain.use_cases.cancel import cancel_job
from domain.use_cases.retry import retry_job
from domain.use_cases.verify import verify_jobs
from entrypoints import bootstrap
from entrypoints.cli import app
from entrypoints.services import Archiving, Services
from entrypoints.settings import Settings
from tests.builders import new_id, provenance, submission
from tests.conftest import TestDatabase
from tests.waiting import until

JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)


class Killed(BaseException):
    """As by SIGKILL: nothing that runs may do anything about it."""


@pytest.fixture
async def archiving(settings: Settings, tmp_path: Path) -> AsyncIterator[Archiving]:
    async with bootstrap.open_archive(settings, tmp_path / "archive") as opened:
        yield opened


def owner(database: TestDatabase) -> psycopg.Connection[Any]:
    return psycopg.connect(database.owner_url, autocommit=True)


async def old_job(services: Services, database: TestDatabase, month: date, *, ended: bool = True) -> JobId:
    """A job submitted in the month, by its id; cancelled unless it has not `ended`."""
    with owner(database) as connection:
        connection.execute("SELECT jobledger.make_partition(%s)", [month])
    at = datetime(month.year, month.month, 15, tzinfo=UTC)
    change = submission()
    moment = f"{int(at.timestamp() * 1000):012x}"
    job_id = JobId(f"{moment[:8]}-{moment[8:]}{new_id()[13:]}")
    await services.store.append([change._replace(job_id=job_id)])
    if ended:
        await cancel_job(services.store, services.hints, job_id=job_id, provenance=provenance())
    return job_id


async def move(archiving: Archiving, **rest: Any) -> tuple[list[ArchivedMonth], list[KeptMonth]]:
    asked: dict[str, Any] = {"before": date(2026, 6, 1), "provenance": provenance()} | rest
    return await archive_months(archiving.archive, archiving.files, archiving.clock, **asked)


def is_gone(database: TestDatabase, job_id: JobId) -> bool:
    with owner(database) as connection:
        left = connection.execute(
            "SELECT (SELECT count(*) FROM jobledger.jobs WHERE id = %(id)s)"
            " + (SELECT count(*) FROM jobledger.job_events WHERE job_id = %(id)s)",
            {"id": job_id},
        ).fetchone()
    return left == (0,)


async def test_a_month_goes_with_all_its_history_into_a_file_that_holds(
    services: Services, archiving: Archiving, database: TestDatabase
) -> None:
    old = [await old_job(services, database, JANUARY) for _ in range(3)]
    stays = await old_job(services, database, MARCH)
    done, kept = await move(archiving, before=FEBRUARY)
    (month,) = done
    verdict = check_archive(archiving.files.lines(month.file))
    lines = [json.loads(line) for line in archiving.files.lines(month.file)]

    assert kept == []
    assert verdict.holds
    assert (month.jobs, month.events, verdict.jobs, verdict.events) == (3, 6, 3, 6)
    assert month.sha256 == archiving.files.digest(month.file)
    assert {line["job_id"] for line in lines if "job_id" in line} == set(old)
    assert [is_gone(database, job_id) for job_id in old] == [True] * 3
    assert await services.archived_months.find(JANUARY) == month
    assert await verify_jobs(services.store, services.views, job_ids=[*old, stays]) == {}
    with owner(database) as connection:
        recorded = connection.execute(
            "SELECT facts ->> 'sha256' FROM jobledger.job_events WHERE type = 'MonthArchived'"
        ).fetchall()
    assert recorded == [(month.sha256,)]


async def test_a_month_with_a_job_that_has_not_ended_stays(
    services: Services, archiving: Archiving, database: TestDatabase
) -> None:
    job_id = await old_job(services, database, JANUARY, ended=False)
    done, kept = await move(archiving)

    assert done == []
    assert kept == [KeptMonth(JANUARY, "1 of its 1 jobs have not ended")]
    assert not is_gone(database, job_id)


async def test_the_detached_table_stays_append_only_until_it_is_dropped_by_name(
    services: Services, archiving: Archiving, database: TestDatabase
) -> None:
    await old_job(services, database, JANUARY)
    await move(archiving)
    with owner(database) as connection:
        assert connection.execute("SELECT count(*) FROM jobledger.job_events_2026_01").fetchone() == (2,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE jobledger.job_events_2026_01 SET type = 'x'")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("TRUNCATE jobledger.job_events_2026_01")
    dropped, kept = await drop_detached(
        archiving.archive, archiving.months, archiving.files, provenance=provenance()
    )
    again = await drop_detached(archiving.archive, archiving.months, archiving.files, provenance=provenance())

    assert ([month.month for month in dropped], kept, again) == ([JANUARY], [], ([], []))
    with owner(database) as connection:
        place = connection.execute("SELECT to_regclass('jobledger.job_events_2026_01')").fetchone()
    assert place == (None,)


@pytest.mark.parametrize("harm", ["is not here", "was changed"])
async def test_no_table_is_dropped_whose_file_is_not_the_recorded_one(
    services: Services, archiving: Archiving, database: TestDatabase, tmp_path: Path, harm: str
) -> None:
    await old_job(services, database, JANUARY)
    ((month,), _) = await move(archiving)
    place = tmp_path / "archive" / month.file
    if harm == "is not here":
        place.unlink()
    else:
        place.write_bytes(place.read_bytes()[:-1])
    dropped, kept = await drop_detached(
        archiving.archive, archiving.months, archiving.files, provenance=provenance()
    )

    assert dropped == []
    assert kept == [KeptMonth(JANUARY, f"{month.file} {harm}; its detached table stays")]


async def test_what_happens_to_a_job_while_its_month_is_written_keeps_the_month(
    services: Services, archiving: Archiving, database: TestDatabase
) -> None:
    job_id = await old_job(services, database, JANUARY)
    waiting = [retry_job(services.store, services.hints, job_id=job_id, provenance=provenance())]

    class Meddled:
        def __getattr__(self, name: str) -> Any:
            return getattr(archiving.archive, name)

        async def detach(self, *args: Any, **rest: Any) -> None:
            for act in waiting:
                await act
            waiting.clear()
            await archiving.archive.detach(*args, **rest)

    done, kept = await move(replace(archiving, archive=Meddled()))

    assert (done, kept) == ([], [KeptMonth(JANUARY, "1 of its 1 jobs have not ended")])
    assert not is_gone(database, job_id)


async def test_what_happened_meanwhile_and_is_over_is_in_the_file_too(
    services: Services, archiving: Archiving, database: TestDatabase
) -> None:
    job_id = await old_job(services, database, JANUARY)
    snapshot = archiving.archive.snapshot
    turns: list[str] = []

    class Meddled:
        def __getattr__(self, name: str) -> Any:
            return getattr(archiving.archive, name)

        async def detach(self, *args: Any, **rest: Any) -> None:
            if not turns:
                turns.append(await snapshot())
                await retry_job(services.store, services.hints, job_id=job_id, provenance=provenance())
                await cancel_job(services.store, services.hints, job_id=job_id, provenance=provenance())
            await archiving.archive.detach(*args, **rest)

    ((month,), kept) = await move(replace(archiving, archive=Meddled()))

    assert kept == []
    assert month.events == 4
    assert check_archive(archiving.files.lines(month.file)).holds


def killed_at(archiving: Archiving, call: int, *, after: bool) -> tuple[Archiving, Callable[[], bool]]:
    """The same, but the process is killed at the n-th call of a port, before or after it was done."""
    calls = iter(range(1_000_000))
    was_killed: list[bool] = []

    def wrapped(port: Any) -> Any:
        class Wrapped:
            def __getattr__(self, name: str) -> Any:
                method = getattr(port, name)

                def count() -> bool:
                    is_now = next(calls) == call
                    was_killed.append(is_now)
                    return is_now

                if name in ("live", "snapshot", "detach"):

                    async def asynchronous(*args: Any, **rest: Any) -> Any:
                        now = count()
                        if now and not after:
                            raise Killed
                        result = await method(*args, **rest)
                        if now:
                            raise Killed
                        return result

                    return asynchronous

                def synchronous(*args: Any, **rest: Any) -> Any:
                    if count():
                        raise Killed
                    return method(*args, **rest)

                return synchronous

        return Wrapped()

    cut = replace(archiving, archive=wrapped(archiving.archive), files=wrapped(archiving.files))
    return cut, lambda: any(was_killed)


async def test_killed_at_any_point_it_can_be_run_again(
    services: Services, archiving: Archiving, database: TestDatabase
) -> None:
    kills = 0
    for year, after in ((2020, False), (2021, True)):
        for call in range(12):
            month = date(year, call + 1, 1)
            job_id = await old_job(services, database, month)
            cut, was_killed = killed_at(archiving, call, after=after)
            before = next_month(month)
            try:
                await move(cut, before=before)
            except Killed:
                kills += 1
            await move(archiving, before=before)
            found = await services.archived_months.find(month)

            assert found is not None
            assert check_archive(archiving.files.lines(found.file)).holds
            assert archiving.files.digest(found.file) == found.sha256
            assert is_gone(database, job_id)
            if not was_killed():
                break
    assert kills > 10


async def test_a_file_that_the_disk_spoiled_takes_nothing_away(
    services: Services, archiving: Archiving, database: TestDatabase
) -> None:
    job_id = await old_job(services, database, JANUARY)

    class Spoiled:
        def __getattr__(self, name: str) -> Any:
            return getattr(archiving.files, name)

        def lines(self, name: str) -> Iterator[bytes]:
            return (line.replace(b"user-1", b"user-2") for line in archiving.files.lines(name))

    with pytest.raises(ArchiveNotSound, match="Nothing was taken away"):
        await move(replace(archiving, files=Spoiled()))

    assert not is_gone(database, job_id)


async def test_a_reader_in_the_way_is_waited_for(
    services: Services, archiving: Archiving, database: TestDatabase
) -> None:
    job_id = await old_job(services, database, JANUARY)
    with psycopg.connect(database.owner_url) as reader:
        reader.execute("SELECT count(*) FROM jobledger.job_events")
        # It lets go as soon as somebody waits for it.
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
        moving = asyncio.create_task(move(archiving))
        with owner(database) as watcher:
            await until(lambda: watcher.execute(waits).fetchone() == (1,))
        reader.rollback()
        done, _ = await moving

    assert [month.month for month in done] == [JANUARY]
    assert is_gone(database, job_id)


async def test_the_ledger_keeps_the_places_and_the_file_what_was_sealed_there(
    services: Services, archiving: Archiving, database: TestDatabase
) -> None:
    job_id = await old_job(services, database, JANUARY)
    await services.sealing.seal(limit=1000)
    await retry_job(services.store, services.hints, job_id=job_id, provenance=provenance())
    await cancel_job(services.store, services.hints, job_id=job_id, provenance=provenance())
    early = await move(archiving)
    await services.sealing.seal(limit=1000)
    ((month,), _) = await move(archiving)
    lines = [json.loads(line) for line in archiving.files.lines(month.file)]
    in_file = [line["leaf_hash"] for line in lines if "leaf_hash" in line]
    sealed = [base64.b64encode(leaf).decode() for leaf in await services.sealing.leaf_hashes(after=0)]

    assert early == ([], [KeptMonth(JANUARY, "the ledger does not hold all of it yet")])
    assert len(in_file) == 4
    assert in_file == sealed[: len(in_file)]


async def test_the_command_moves_shows_verifies_and_drops(
    services: Services, database: TestDatabase, tmp_path: Path
) -> None:
    await old_job(services, database, JANUARY)
    await old_job(services, database, FEBRUARY, ended=False)
    environment = {"MIGRATION_URL": database.owner_url, "TRANSACTION_POOLER_URL": database.url}
    folder = tmp_path / "files"

    async def run(*options: str, code: int = 0) -> dict[str, Any]:
        # In a thread, because the command has a loop of its own.
        done = await asyncio.to_thread(CliRunner().invoke, app, ["archive", *options], env=environment)
        assert done.exit_code == code, done.stderr
        said: dict[str, Any] = json.loads(done.stdout) if done.stdout else {"error": done.stderr}
        return said

    moved = await run("--before", "2026-04", "--to", str(folder))
    name = moved["archived"][0]["file"]
    held = await run("verify", str(folder / name))
    dropped = await run("--drop", "--to", str(folder))
    shown = await run()
    (folder / name).write_bytes((folder / name).read_bytes()[:-20])
    broken = await run("verify", str(folder / name), code=1)
    too_young = await run("--before", "2999-01", code=2)

    assert [month["month"] for month in moved["archived"]] == ["2026-01"]
    assert moved["archived"][0]["detached_table"] == "jobledger.job_events_2026_01"
    assert moved["kept"] == [{"month": "2026-02", "reason": "1 of its 1 jobs have not ended"}]
    assert (held["holds"], held["jobs"], held["sha256"]) == (True, 1, moved["archived"][0]["sha256"])
    assert dropped["archived"][0]["detached_table"] is None
    assert shown["archived"] == dropped["archived"]
    assert not broken["holds"]
    assert "at most" in too_young["error"]
