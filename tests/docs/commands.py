"""The commands of the documentation's pages, as a reader would type them."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"(?:<!-- not run by tests: (?P<reason>[^>]+) -->\n+)?```sh\n(?P<text>.*?)```", re.DOTALL)


class Block(NamedTuple):
    """Commands between one pair of fences; `reason` says why they are not run, None where they are."""

    text: str
    reason: str | None


def blocks_of(page: Path) -> list[Block]:
    return [Block(found["text"], found["reason"]) for found in BLOCK.finditer(page.read_text())]


def script_of(page: Path) -> str:
    """What is run of a page, from top to bottom; it stops at the first command that fails."""
    runnable = [block.text for block in blocks_of(page) if block.reason is None]
    return "set -eo pipefail\n" + "\n".join(runnable)
