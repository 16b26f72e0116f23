"""The commands of docs/api.md, run as they stand against the whole service, print what the page says."""

import os
import re
import subprocess
from pathlib import Path

from tests.end_to_end.up import free_port, started

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```(sh|text)\n(.*?)```", re.DOTALL)
MARK = "=== end of block"


def blocks() -> list[tuple[str, str]]:
    """Each block of commands, with what the page says that it prints."""
    found: list[tuple[str, str]] = []
    for kind, content in BLOCK.findall((ROOT / "docs" / "api.md").read_text()):
        if kind == "sh":
            found.append((content, ""))
        else:
            found[-1] = (found[-1][0], content)
    return found


def pattern(expected: str) -> str:
    return ".*?".join(re.escape(part) for part in expected.strip().split("…"))


def test_every_command_prints_what_the_page_says(tmp_path: Path) -> None:
    page = blocks()
    script = "".join(f"{commands}\necho\necho '{MARK}'\n" for commands, _ in page)
    data, port = tmp_path / "data", free_port()
    with started(data, port):
        environment = os.environ | {
            "DATA_DIRECTORY": str(data),
            "API_PORT": str(port),
            "UV_NO_SYNC": "1",
            "no_proxy": "*",
        }
        run = subprocess.run(
            ["bash", "-c", script],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    printed = run.stdout.replace("\r", "").split(f"{MARK}\n")[: len(page)]

    assert len(printed) == len(page) > 15, run.stderr
    wrong = [
        f"{commands}\nprinted\n{text}"
        for (commands, expected), text in zip(page, printed, strict=True)
        if not re.fullmatch(pattern(expected), text.strip(), re.DOTALL)
    ]
    assert wrong == [], "\n".join(wrong)
