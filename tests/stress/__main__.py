"""`python -m tests.stress`: the stress of the sealer, on a PostgreSQL of its own."""

import argparse
import asyncio
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from adapters.embedded_postgres import EmbeddedPostgres
from tests.conftest import TEMPLATE, prepare
from tests.stress.sealing import SealingStress


def main(seconds: float, seed: int) -> int:
    with tempfile.TemporaryDirectory(prefix="jobledger-stress-") as directory:
        server = EmbeddedPostgres(Path(directory) / "postgres")
        try:
            url = prepare(server.start()).url(TEMPLATE)
            findings = asyncio.run(SealingStress(url, seed=seed).run(seconds))
        finally:
            server.stop()
    for name, value in asdict(findings).items():
        sys.stdout.write(f"{name:14} {value}\n")
    is_sound = findings.is_dense and findings.written == findings.sealed
    return 0 if is_sound and not (findings.inverted or findings.wrong_leaves) else 1


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--seconds", type=float, default=60)
parser.add_argument("--seed", type=int, default=1)
asked = parser.parse_args()
sys.exit(main(asked.seconds, asked.seed))
