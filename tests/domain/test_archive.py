"""The check of an archive: what it lets pass, and what it names."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from domain.archive import ArchiveLines, ArchiveVerdict, check_archive
from domain.ledger.lines import SealedEvent, line
from tests.fakes.ledger import histories, sealed

JOBS = 3


def by_job(events: list[SealedEvent]) -> list[SealedEvent]:
    return sorted(events, key=lambda event: (event.envelope.job_id, event.envelope.version))


def archive_of(events: list[SealedEvent]) -> list[bytes]:
    lines = ArchiveLines("2026-01")
    return [lines.header(), *map(lines.event, events), lines.footer()]


@pytest.fixture
def written() -> list[bytes]:
    return archive_of(by_job(histories(JOBS)))


def changed(raw: bytes, **fields: Any) -> bytes:
    return line({**json.loads(raw), **fields})


def whats(verdict: ArchiveVerdict) -> list[str]:
    return [finding.what for finding in verdict.findings]


def test_what_was_written_holds(written: list[bytes]) -> None:
    verdict = check_archive(written)

    assert whats(verdict) == []
    assert (verdict.month, verdict.jobs, verdict.events) == ("2026-01", JOBS, 5 * JOBS)


def test_streams_of_one_event_lie_in_a_month_too() -> None:
    swept = sealed(1, "019a0000-0000-7000-8000-000000000000", 1, "RecoverySwept", {"scanned": 1})
    verdict = check_archive(archive_of([swept, *by_job(histories(JOBS))[5:]]))

    assert whats(verdict) == []
    assert verdict.jobs == JOBS - 1


@pytest.mark.parametrize(
    ("tamper", "told"),
    [
        (lambda lines: lines[:-1], "the file is cut off: its last line is missing"),
        (lambda lines: lines[:6] + lines[7:], "stands where"),
        (lambda lines: [lines[0], *lines[6:11], *lines[1:6], *lines[11:]], "moved or repeated"),
        (lambda lines: [*lines[:5], changed(lines[5], code_version="9"), *lines[6:]], "is not the event"),
        (lambda lines: [*lines[:1], changed(lines[1], payload={"note": "x"}), *lines[2:]], "not the one"),
        (lambda lines: [*lines[:-1], changed(lines[-1], events=1)], "says 1 events of 3 jobs, not 15 of 3"),
        (lambda lines: [*lines[:3], b"{", *lines[3:]], "damaged or cut off"),
        (lambda lines: [*lines[:3], b"[]\n", *lines[3:]], "damaged or cut off"),
        (lambda lines: [*lines, lines[1]], "stands after the file's last line"),
        (lambda lines: lines[1:], "does not begin an archive"),
    ],
)
def test_whatever_is_changed_is_found(
    written: list[bytes], tamper: Callable[[list[bytes]], list[bytes]], told: str
) -> None:
    found = whats(check_archive(tamper(written)))

    assert any(told in what for what in found), found


def test_every_changed_byte_of_a_line_is_found(written: list[bytes]) -> None:
    raw = written[2]
    for place in range(0, len(raw) - 1, 7):
        other = raw[:place] + (b"0" if raw[place : place + 1] != b"0" else b"1") + raw[place + 1 :]

        assert not check_archive([*written[:2], other, *written[3:]]).holds, other


def test_a_job_that_has_not_ended_is_found() -> None:
    events = [event for event in by_job(histories(1)) if event.envelope.type != "JobCompleted"]

    assert "has no end" in whats(check_archive(archive_of(events)))[0]


def test_a_payload_that_nobody_erased_may_not_be_gone() -> None:
    events = by_job(histories(1))
    gone = [events[0]._replace(payload=None, salt=None), *events[1:]]

    assert "was never erased" in whats(check_archive(archive_of(gone)))[0]
