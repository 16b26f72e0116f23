"""What a doctor makes of how far each step is behind."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.doctor.findings import Verdict
from domain.doctor.work import judge_work
from domain.ports.job_statistics import QueueDepth
from domain.ports.vitals import Held, Vitals

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WELL = Vitals(
    read_at=NOW,
    oldest_message_at=None,
    due=0,
    due_remote=0,
    oldest_uncounted_at=None,
    oldest_unsealed_at=None,
    ledger_size=7,
    signed_size=7,
    last_sweep_at=NOW,
    parked=0,
    months_ahead=3,
    dead_rows={},
    oldest_transaction_at=None,
)


@pytest.mark.parametrize(
    ("seconds_behind", "comes_and_goes", "expected"),
    [
        (70, False, {"relay": Verdict.ERROR, "statistics": Verdict.WARNING, "ledger": Verdict.ERROR}),
        (70, True, {}),
        (180, True, {"relay": Verdict.ERROR, "statistics": Verdict.WARNING, "ledger": Verdict.ERROR}),
    ],
)
def test_a_minute_behind_is_a_fault_unless_what_keeps_up_comes_once_a_minute(
    seconds_behind: int, comes_and_goes: bool, expected: dict[str, Verdict]
) -> None:
    since = NOW - timedelta(seconds=seconds_behind)
    findings = judge_work(
        WELL._replace(oldest_uncounted_at=since, oldest_unsealed_at=since),
        QueueDepth(visible=0, leased=0, oldest_due_at=since),
        [],
        job_types=[],
        sweep_minutes=15,
        comes_and_goes=comes_and_goes,
    )
    behind = {
        finding.check: finding.verdict
        for finding in findings
        if finding.check in ("relay", "statistics", "ledger") and finding.verdict is not Verdict.OK
    }

    assert behind == expected


def test_what_limits_and_pauses_hold_is_told_and_no_fault_of_the_relays() -> None:
    long_ago = NOW - timedelta(hours=1)
    held = Held(paused_queues=1, jobs=3, oldest_at=long_ago, free=0, oldest_free_at=None)
    findings = judge_work(
        WELL._replace(due=3, held=held),
        QueueDepth(visible=0, leased=0, oldest_due_at=long_ago),
        [],
        job_types=[],
        sweep_minutes=15,
    )
    told = {finding.check: finding for finding in findings}

    assert told["relay"].verdict is Verdict.OK
    assert told["relay"].told.endswith("Limits and pauses hold 3, the first for 1:00:00.")
    assert told["workers"].verdict is Verdict.WARNING
