"""How fast a history is checked: the read model against its events, and an export with nothing but a key."""

import time

import orjson

from benchmarks.server import Bench, run
from domain.ledger.notes import LogKey
from domain.ledger.verifier import Verifier
from domain.ports.ledger_reading import EVERYTHING
from domain.use_cases.export import Export, begin, export
from domain.use_cases.prove import signed_tree
from entrypoints import bootstrap
from entrypoints.parts import rest_the_collector
from entrypoints.processes import processors
from entrypoints.verifying import comparing


def compared_a_second(bench: Bench) -> float:
    """Events a second of `jobledger verify`, over all that is there."""
    begun = time.perf_counter()
    events = 0
    with comparing(bench.settings, processes=processors()) as comparison:
        for part in comparison.parts:
            assert not part.differences, part.differences[0]
            events += part.events
    return events / (time.perf_counter() - begun)


def verified_a_second(bench: Bench) -> float:
    """Events a second of `jobledger audit verify`, over an export of all that is sealed."""

    async def lines() -> tuple[list[bytes], str]:
        async with bench.services() as services:
            tree = await begin(services.ledger, Export(EVERYTHING))
            found = export(services.ledger, tree, Export(EVERYTHING), about={})
            written = [orjson.dumps(line) + b"\n" async for line in found]
            origin = (await signed_tree(services.ledger)).checkpoint.origin
            return written, origin

    written, origin = run(lines())
    signers = bootstrap.signing_keys(bench.settings).signers(origin)
    keys = [LogKey(signer.name, signer.public_key) for signer in signers]
    rest_the_collector()
    begun = time.perf_counter()
    verdict = Verifier(keys, bootstrap.check_signature, text=bootstrap.fast_json).run(written)
    seconds = time.perf_counter() - begun
    assert verdict.holds, verdict
    return len(written) / seconds


def until_sealed(bench: Bench) -> None:
    """Until every event has its position, and a checkpoint that is signed."""
    left = """SELECT (SELECT count(*) FROM jobledger.job_events)
        - coalesce((SELECT max(last_position) FROM jobledger.ledger_ticks), 0)"""
    signed = """SELECT coalesce((SELECT max(last_position) FROM jobledger.ledger_ticks), 0)
        - coalesce((SELECT max(size) FROM jobledger.ledger_checkpoints), 0)"""
    while bench.rows(left)[0][0] > 0 or bench.rows(signed)[0][0] > 0:
        time.sleep(0.1)
