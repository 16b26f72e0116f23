"""`python -m tests.chaos`: chaos for as long as asked, and the closing table."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.chaos.chaos import chaos

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--seconds", type=float, default=120)
parser.add_argument("--seed", type=int, default=1)
asked = parser.parse_args()
with tempfile.TemporaryDirectory(prefix="jobledger-chaos-") as directory:
    found = chaos(Path(directory), seconds=asked.seconds, seed=asked.seed)
sys.stdout.write(found.table() + "\n")
sys.exit(1 if found.wrong else 0)
