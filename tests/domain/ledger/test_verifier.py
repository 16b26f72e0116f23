"""An export is changed in every way that its maker or its carrier could change it; each is found."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from adapters.ed25519 import Ed25519Signer, check_ed25519
from domain.ledger.leaves import canonical, hash_envelope
from domain.ledger.lines import SealedEvent, line
from domain.ledger.notes import Checkpoint, LogKey, parse_checkpoint
from domain.ledger.verifier import Verdict, verify
from domain.ports.ledger_reading import EVERYTHING, EventFilter
from domain.use_cases.export import Export, begin, export
from tests.fakes.ledger import (
    HISTORY,
    ORIGIN,
    ListedLedger,
    after_a_restore,
    histories,
    job,
    renumbered,
    sealed,
)

JOBS = 60
SIZE = JOBS * len(HISTORY)
Lines = list[dict[str, Any]]
WHOLE = Export(EVERYTHING)


def ledger(**changes: Any) -> ListedLedger:
    return ListedLedger(histories(JOBS), **changes)


async def exported(source: ListedLedger, asked: Export = WHOLE) -> Lines:
    tree = await begin(source, asked)
    return [fields async for fields in export(source, tree, asked, about={"filter": {}})]


def judged(lines: Lines, key: LogKey | None = None, last: Checkpoint | None = None) -> Verdict:
    raw = [line(fields) for fields in lines]
    return verify(raw, [key or ledger().key], check_ed25519, last)


def findings(verdict: Verdict) -> list[str]:
    return [f"{found.position}: {found.what}" for found in verdict.findings]


async def test_a_whole_export_holds() -> None:
    verdict = judged(await exported(ledger(sizes=(100, SIZE))))

    assert findings(verdict) == []
    assert (verdict.events, verdict.skipped, verdict.jobs) == (SIZE, 0, JOBS)
    assert verdict.checkpoint == ledger().checkpoint_of(SIZE)


@pytest.mark.parametrize(
    "asked",
    [
        Export(EventFilter(job_id=job(7))),  # type: ignore[arg-type]
        Export(EventFilter(type="AttemptFailed")),
        Export(EventFilter(type="JobCompleted"), after=10, through=250),
        Export(EVERYTHING, after=33, through=290),
        Export(EVERYTHING, after=5, through=5),
    ],
)
async def test_a_part_holds_with_hashes_in_the_place_of_the_rest(asked: Export) -> None:
    verdict = judged(await exported(ledger(), asked))

    assert findings(verdict) == []
    assert verdict.events + verdict.skipped == SIZE
    assert verdict.skipped > 0


@pytest.mark.parametrize("size", [1, 2, 99, 256, SIZE])
async def test_history_is_compared_with_the_last_checkpoint(size: int) -> None:
    last = ledger().checkpoint_of(size)
    asked = Export(EventFilter(job_id=job(7)), known_size=size)  # type: ignore[arg-type]

    assert findings(judged(await exported(ledger()), last=last)) == []
    assert findings(judged(await exported(ledger(), asked), last=last)) == []
    assert judged(await exported(ledger(), asked), last=last).compared_with == last


async def test_a_later_tree_goes_by_its_own_positions() -> None:
    source = ListedLedger(after_a_restore(JOBS, first=1001, begun=0), first=1001, tree=2)
    part = Export(EventFilter(job_id=job(7)), known_size=100)  # type: ignore[arg-type]
    lines = await exported(source)
    event_at(lines, 1131)["facts"]["cause"] = "crashed"

    assert findings(judged(await exported(source, part), last=source.checkpoint_of(100))) == []
    assert [found.position for found in judged(lines).findings] == [1131]


@pytest.mark.parametrize("which", [EVERYTHING, EventFilter(job_id=job(7))])  # type: ignore[arg-type]
async def test_jobs_that_began_before_a_restore_go_on_in_the_next_tree(which: EventFilter) -> None:
    source = ListedLedger(after_a_restore(JOBS, first=1001, begun=40), first=1001, tree=2)
    verdict = judged(await exported(source, Export(which)))

    assert findings(verdict) == []
    assert verdict.first == 1001


async def test_a_later_tree_that_does_not_tell_of_a_restore_is_found() -> None:
    source = ListedLedger(renumbered(histories(JOBS), first=1001), first=1001, tree=2)
    told = "1001: begins a tree after another, and is not the event that tells of a restore"

    assert findings(judged(await exported(source))) == [told]


async def test_a_job_that_began_after_the_restore_must_be_there_from_its_beginning() -> None:
    events = after_a_restore(JOBS, first=3, begun=10)
    source = ListedLedger(events, first=3, tree=2)

    # Two positions can hold four missing events of no job.
    assert [
        what for what in findings(judged(await exported(source))) if "stands where 1 is due" in what
    ] != []


async def test_a_part_that_cannot_be_compared_says_how_to_get_one_that_can() -> None:
    asked = Export(EventFilter(job_id=job(7)))  # type: ignore[arg-type]
    verdict = judged(await exported(ledger(), asked), last=ledger().checkpoint_of(100))

    assert [found for found in findings(verdict) if "export again with known_size=100" in found] != []


def event_at(lines: Lines, position: int) -> dict[str, Any]:
    return next(fields for fields in lines if fields.get("position") == position)


def change_fact(lines: Lines) -> None:
    event_at(lines, 130)["facts"]["cause"] = "crashed"


def change_actor(lines: Lines) -> None:
    event_at(lines, 130)["actor"]["id"] = "somebody-else"


def change_time(lines: Lines) -> None:
    event_at(lines, 130)["recorded_at"] = "2026-06-02T00:00:00.000000Z"


def change_payload(lines: Lines) -> None:
    event_at(lines, 3)["payload"]["job_parameters"] = "forged"


def swap_payloads(lines: Lines) -> None:
    one, other = event_at(lines, 3), event_at(lines, 4)
    one["payload"], one["salt"], other["payload"], other["salt"] = (
        {"result": 1},
        other["salt"],
        one["payload"],
        one["salt"],
    )


def take_payload(lines: Lines) -> None:
    event_at(lines, 3).update(payload=None, salt=None)


def take_salt(lines: Lines) -> None:
    event_at(lines, 3).update(salt=None)


def delete(lines: Lines) -> None:
    lines.remove(event_at(lines, 130))


def insert(lines: Lines) -> None:
    lines.insert(lines.index(event_at(lines, 130)), event_at(lines, 129))


def reorder(lines: Lines) -> None:
    at = lines.index(event_at(lines, 130))
    lines[at], lines[at + 1] = lines[at + 1], lines[at]


def reorder_with_their_positions(lines: Lines) -> None:
    reorder(lines)
    lines[130]["position"], lines[131]["position"] = 130, 131


def truncate(lines: Lines) -> None:
    del lines[-20:]


def truncate_and_close(lines: Lines) -> None:
    del lines[-22:-1]
    lines[-1] = {"count": SIZE - 20, "positions": SIZE - 20}


def append(lines: Lines) -> None:
    lines.insert(-1, {**event_at(lines, SIZE), "position": SIZE + 1})
    lines[-1] = {"count": SIZE + 1, "positions": SIZE + 1}


def write_after_the_end(lines: Lines) -> None:
    lines.append(event_at(lines, 1))


def hide_behind_hashes(lines: Lines) -> None:
    lines[lines.index(event_at(lines, 130))] = {
        "skipped": [130, 130],
        "hashes": [event_at(lines, 129)["leaf_hash"]],
    }


def skip_without_hashes(lines: Lines) -> None:
    lines[lines.index(event_at(lines, 130))] = {"skipped": [130, 130], "hashes": []}


def raise_the_size(lines: Lines) -> None:
    lines[0]["checkpoint"] = lines[0]["checkpoint"].replace(f"\n{SIZE}\n", f"\n{SIZE + 1}\n")


def unsign(lines: Lines) -> None:
    lines[0]["checkpoint"] = lines[0]["checkpoint"].split("\n\n")[0]


def spoil_a_field(lines: Lines) -> None:
    event_at(lines, 130)["facts"] = ["attempt"]


def drop_a_field(lines: Lines) -> None:
    del event_at(lines, 130)["command_id"]


def write_nonsense(lines: Lines) -> None:
    lines.insert(5, {"what": "is this"})


NOT_SEALED = f"130: AttemptFailed, version 3 of {job(9)}, is not the event that was sealed here"
NOT_COMMITTED = "{0}: the payload of JobSubmitted, version 1 of {1}, is not the one that was committed to"
NOT_THE_ROOT = (
    "None: the leaf hashes do not lead to the signed root: changed, moved or swapped within positions"
)
NO_HASHES = (
    "None: leaves positions out without the hashes that stand for them: zip() argument 2 is shorter than"
)
NO_KEY = (
    f"None: the checkpoint of size {SIZE + 1} is signed by {ORIGIN}+{ledger().key.id.hex()}, by no key given"
)
NO_NOTE = "None: a signed note has an empty line before its signatures and ends with a newline"

TAMPERINGS: list[tuple[Callable[[Lines], None], str]] = [
    (change_fact, NOT_SEALED),
    (change_actor, NOT_SEALED),
    (change_time, NOT_SEALED),
    (change_payload, NOT_COMMITTED.format(3, job(2))),
    (swap_payloads, NOT_COMMITTED.format(4, job(3))),
    (take_payload, f"3: the payload of version 1 of {job(2)} is gone, but was never erased"),
    (take_salt, f"3: JobSubmitted, version 1 of {job(2)}, has a payload without a usable salt"),
    (delete, "131: positions 130 to 130 are missing"),
    (insert, "129: position 129 stands where 130 is due: repeated, inserted or moved"),
    (reorder, "131: positions 130 to 130 are missing"),
    (reorder_with_their_positions, f"{NOT_THE_ROOT} 101 to 200"),
    (truncate, "None: the file is cut off: its last line is missing"),
    (truncate_and_close, f"None: positions {SIZE - 19} to {SIZE} of its checkpoint are missing"),
    (append, f"None: positions {SIZE + 1} to {SIZE + 1} were never signed"),
    (write_after_the_end, "None: stands after the export's last line"),
    (hide_behind_hashes, f"{NOT_THE_ROOT} 101 to 200"),
    (skip_without_hashes, f"{NO_HASHES} argument 1"),
    (raise_the_size, NO_KEY),
    (unsign, NO_NOTE),
    (spoil_a_field, NOT_SEALED),
    (drop_a_field, "130: is no complete event: KeyError('command_id')"),
    (write_nonsense, "None: is of no kind that an export has"),
]


@pytest.mark.parametrize(("tamper", "found"), TAMPERINGS, ids=[case[0].__name__ for case in TAMPERINGS])
async def test_what_was_done_to_a_file_is_found_and_named(
    tamper: Callable[[Lines], None], found: str
) -> None:
    lines = await exported(ledger(sizes=(100, 200, SIZE)))
    tamper(lines)
    verdict = judged(lines)

    assert found in findings(verdict)
    assert not verdict.holds


async def test_a_finding_names_its_line() -> None:
    lines = await exported(ledger())
    change_fact(lines)

    assert [(found.line, found.position) for found in judged(lines).findings] == [(131, 130)]


async def test_a_damaged_line_is_named() -> None:
    raw = [line(fields) for fields in await exported(ledger())]
    raw[7] = raw[7][:-20]
    verdict = verify(raw, [ledger().key], check_ed25519)

    assert (8, None, "is no JSON: the file is damaged or cut off here") in verdict.findings


@pytest.mark.parametrize("raw", [[], [b""], [b"{}\n"], [b"[1]\n"], [b'{"jobledger_export":2}\n']])
def test_what_is_no_export_does_not_hold(raw: list[bytes]) -> None:
    assert not verify(raw, [ledger().key], check_ed25519).holds


def rewritten(position: int) -> list[SealedEvent]:
    """The whole ledger made anew by its operator, with one fact changed and every hash set right."""
    events = histories(JOBS)
    changed = events[position - 1].envelope._replace(actor_id="somebody-else")
    events[position - 1] = events[position - 1]._replace(envelope=changed, leaf_hash=hash_envelope(changed))
    return events


async def test_an_operator_who_signs_with_another_key_is_found() -> None:
    other = Ed25519Signer(ORIGIN, b"\x08" * 32)
    verdict = judged(await exported(ListedLedger(rewritten(130), signer=other)))

    assert [what for what in findings(verdict) if "by no key given" in what] != []


async def test_an_operator_who_rewrites_and_signs_with_the_same_key_is_found_by_the_last_checkpoint() -> None:
    lines = await exported(ListedLedger(rewritten(130)))

    assert judged(lines).holds
    assert findings(judged(lines, last=ledger().checkpoint_of(200))) == [
        "None: history was rewritten at or before position 200, where your checkpoint ends"
    ]
    assert judged(lines, last=ledger().checkpoint_of(129)).holds


async def test_a_database_that_was_rolled_back_is_found_by_the_last_checkpoint() -> None:
    rolled_back = ListedLedger(histories(JOBS)[:250])
    verdict = judged(await exported(rolled_back), last=ledger().checkpoint_of(SIZE))

    assert findings(verdict) == [
        f"None: the ledger was rolled back: positions 251 to {SIZE} are gone since your checkpoint"
    ]


async def test_a_checkpoint_of_another_ledger_is_no_measure() -> None:
    last = ledger().checkpoint_of(10)._replace(origin="elsewhere")

    assert findings(judged(await exported(ledger()), last=last))[0] == (
        f"None: is of the ledger {ORIGIN}, your checkpoint of elsewhere"
    )


async def test_two_signed_histories_contradict_each_other() -> None:
    lines = await exported(ledger(sizes=(100, SIZE)))
    lines[101]["checkpoint"] = ListedLedger(rewritten(50)).note(100)

    assert findings(judged(lines)) == [
        "None: the checkpoint of size 100 is signed too, but is of another history"
    ]


async def test_a_history_that_the_lifecycle_forbids_is_found_though_every_hash_is_right() -> None:
    started = sealed(2, job(1), 2, "AttemptStarted", {"attempt": 2})
    events = [
        sealed(1, job(1), 1, "JobSubmitted", {}),
        started,
        sealed(3, job(1), 3, "JobCompleted", {"attempt": 2}),
        sealed(4, job(1), 4, "JobFailed", {"attempt": 5}),
        sealed(5, job(1), 6, "LateResultRejected", {"attempt": 1}),
        sealed(6, job(2), 2, "AttemptStarted", {"attempt": 1}),
        sealed(7, job(3), 1, "NeverHeardOf", {}),
        sealed(8, job(4), 2, "RecoverySwept", {}),
    ]
    verdict = judged(await exported(ListedLedger(events)))

    assert findings(verdict) == [
        f"2: attempt 2 of {job(1)} started, but 1 is due",
        f"4: JobFailed cannot happen to job {job(1)}, which is completed",
        f"4: JobFailed is about attempt 5 of {job(1)}, which never started",
        f"5: version 6 of {job(1)} stands where 5 is due",
        f"6: version 2 of {job(2)} stands where 1 is due",
        f"6: AttemptStarted cannot happen to job {job(2)}, which is new",
        "7: NeverHeardOf is no event type that this verifier knows",
        f"8: version 2 of {job(4)} stands where 1 is due",
        "8: RecoverySwept stands in a stream of its own, and cannot have version 2",
    ]


async def test_an_event_before_its_predecessor_is_found() -> None:
    events = renumbered([histories(1)[0], *histories(1)[1:]])
    late = events[1].envelope._replace(recorded_at="2020-01-01T00:00:00.000000Z")
    events[1] = events[1]._replace(envelope=late, leaf_hash=hash_envelope(late))

    assert findings(judged(await exported(ListedLedger(events)))) == [
        f"2: AttemptStarted of {job(0)} was recorded before its predecessor"
    ]


async def test_erasure_leaves_every_proof_as_it_was() -> None:
    before = histories(1)
    erased = [event._replace(payload=None, salt=None) for event in before]
    events = [*erased, sealed(6, job(0), 6, "PersonalDataErased", {"through_version": 5}, {"basis": "asked"})]
    verdict = judged(await exported(ListedLedger(events)), last=ListedLedger(before).checkpoint_of(5))

    assert findings(verdict) == []
    assert verdict.erased == 2


async def test_facts_are_hashed_as_they_are_stored() -> None:
    lines = await exported(ledger())
    lines[5] = json.loads(canonical(lines[5]))

    assert judged(lines).holds
    assert parse_checkpoint(lines[0]["checkpoint"].split("\n\n")[0] + "\n").size == SIZE


async def test_an_export_that_does_not_say_its_filter_is_held_to_everything() -> None:
    lines = await exported(ledger(), Export(EventFilter(type="JobCompleted")))
    verdict = judged(lines)
    assert (findings(verdict), verdict.filter) == ([], {"type": "JobCompleted"})

    del lines[0]["filter"]
    (found,) = judged(lines).findings
    assert f"positions 1 to {JOBS * 4} were left out of an export of everything" in found.what
