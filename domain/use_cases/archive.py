"""Move months whose jobs have all ended from the database into files that can be verified."""

from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from domain.archive import ArchiveLines, check_archive
from domain.audit import ArchivedMonthDropped, MonthArchived
from domain.errors import ArchiveNotSound
from domain.events import Provenance
from domain.months import next_month, told
from domain.ports.archive import (
    Archive,
    ArchivedMonth,
    ArchivedMonths,
    ArchiveFiles,
    LiveMonth,
    MonthChanged,
    MonthNotSealed,
)
from domain.ports.system import Clock

MAX_TRIES = 5
LINES_A_STEP = 1000


class KeptMonth(NamedTuple):
    """A month that stays where it is, and why."""

    month: date
    reason: str


Progress = Callable[[date, int, int], None]
"""Told now and then: which month, how much of it is done, and of how much."""


async def archive_months(
    archive: Archive,
    files: ArchiveFiles,
    clock: Clock,
    *,
    before: date,
    provenance: Provenance,
    on_progress: Progress = lambda *_: None,
) -> tuple[list[ArchivedMonth], list[KeptMonth]]:
    """What was moved and what was not, of the months before `before`.

    Each month is written to a file, read again, and compared with the database before anything is taken away,
    in one transaction. Killed at any point, it can be run again: a month that was not taken away is written
    anew. Raises ArchiveNotSound, StorageUnavailable.
    """
    done, kept = [], []
    for live in await archive.live(before=before):
        moved = await _move(archive, files, clock, live, provenance, on_progress)
        if isinstance(moved, ArchivedMonth):
            done.append(moved)
        else:
            kept.append(moved)
    return done, kept


async def _move(
    archive: Archive,
    files: ArchiveFiles,
    clock: Clock,
    live: LiveMonth,
    provenance: Provenance,
    on_progress: Progress,
) -> ArchivedMonth | KeptMonth:
    for _ in range(MAX_TRIES):
        if live.unended:
            return KeptMonth(live.month, f"{live.unended} of its {live.jobs} jobs have not ended")
        unchanged_since = await archive.snapshot()
        month = await _write(archive, files, clock, live, on_progress)
        record = MonthArchived(
            month=told(month.month),
            file=month.file,
            sha256=month.sha256,
            jobs=month.jobs,
            events=month.events,
        )
        try:
            await archive.detach(month, unchanged_since=unchanged_since, record=record, provenance=provenance)
        except MonthChanged:
            live = (await archive.live(before=next_month(live.month)))[-1]
            continue
        except MonthNotSealed:
            return KeptMonth(live.month, "the ledger does not hold all of it yet")
        return month
    return KeptMonth(live.month, "its jobs keep changing")


async def _write(
    archive: Archive, files: ArchiveFiles, clock: Clock, live: LiveMonth, on_progress: Progress
) -> ArchivedMonth:
    name = f"jobledger-{told(live.month)}.ndjson.gz"
    lines = ArchiveLines(told(live.month))
    with files.writing(name) as write:
        write(lines.header())
        async for page in archive.events(live.month):
            for event in page:
                write(lines.event(event))
            on_progress(live.month, lines.events, live.events * 3)
        write(lines.footer())
    await _compare(archive, files, name, live, lines.digest, on_progress)
    return ArchivedMonth(
        month=live.month,
        file=name,
        sha256=files.digest(name) or "",
        jobs=lines.jobs,
        events=lines.events,
        archived_at=clock.now(),
    )


async def _compare(
    archive: Archive, files: ArchiveFiles, name: str, live: LiveMonth, digest: str, on_progress: Progress
) -> None:
    """The file as the disk has it against its own rules, and against a second reading of the database."""
    read = 0

    def counted(line: bytes) -> bytes:
        nonlocal read
        read += 1
        if read % LINES_A_STEP == 0:
            on_progress(live.month, live.events + read, live.events * 3)
        return line

    verdict = check_archive(map(counted, files.lines(name)))
    if not verdict.holds:
        first = verdict.findings[0]
        raise ArchiveNotSound(f"{name}, line {first.line}: {first.what}. Nothing was taken away.")
    again = ArchiveLines(told(live.month))
    again.header()
    async for page in archive.events(live.month):
        for event in page:
            again.event(event)
        on_progress(live.month, 2 * live.events + again.events, live.events * 3)
    # What moved on since is found when the month is taken away; then it is written again.
    if verdict.digest != digest:
        raise ArchiveNotSound(f"{name} is not what was written to it. Nothing was taken away.")
    if again.events == verdict.events and again.digest != verdict.digest:
        raise ArchiveNotSound(f"{name} does not say what the database says. Nothing was taken away.")


async def drop_detached(
    archive: Archive, months: ArchivedMonths, files: ArchiveFiles, *, provenance: Provenance
) -> tuple[list[ArchivedMonth], list[KeptMonth]]:
    """Drop the detached tables of those months whose files are here and are the ones that were recorded."""
    dropped, kept = [], []
    for month in await months.all():
        if month.dropped_at:
            continue
        digest = files.digest(month.file)
        if digest != month.sha256:
            reason = f"{month.file} is not here" if digest is None else f"{month.file} was changed"
            kept.append(KeptMonth(month.month, f"{reason}; its detached table stays"))
            continue
        record = ArchivedMonthDropped(month=told(month.month), file=month.file, sha256=month.sha256)
        await archive.drop(month.month, record=record, provenance=provenance)
        dropped.append(month)
    return dropped, kept
