"""`jobledger verify` in several processes: what they find, and how they end."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from domain.ports.read_model import Span
from domain.use_cases.verify import spans_of, verify_read_model
from entrypoints.services import Services
from entrypoints.settings import Settings
from tests.builders import submission
from tests.end_to_end.up import until

PATIENCE_SECONDS = 60
IN_SPANS_OF_TWO = """
import json
from entrypoints.settings import load_settings
from entrypoints.verifying import comparing
with comparing(load_settings(), processes=2, jobs=2) as comparison:
    print(json.dumps([comparison.spans, list(comparison.parts)]))
"""


FAULTS = (
    """UPDATE jobledger.jobs SET priority = 9
        WHERE id = (SELECT id FROM jobledger.jobs ORDER BY id LIMIT 1)""",
    """DELETE FROM jobledger.job_events
        WHERE job_id = (SELECT id FROM jobledger.jobs ORDER BY id OFFSET 2 LIMIT 1)""",
    """DELETE FROM jobledger.jobs
        WHERE id = (SELECT id FROM jobledger.jobs ORDER BY id OFFSET 6 LIMIT 1)""",
)


def environment(settings: Settings) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path.cwd()),
        "TRANSACTION_POOLER_URL": settings.database_url,
        "DATABASE_IS_POOLED": str(settings.database_is_pooled),
    }


def tamper(settings: Settings, statement: str) -> None:
    with psycopg.connect(settings.owner_url) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute(statement.encode())


def compared_in_spans_of_two(settings: Settings) -> tuple[int, list[Any]]:
    done = subprocess.run(
        [sys.executable, "-c", IN_SPANS_OF_TWO], env=environment(settings), capture_output=True, check=True,
        timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    spans, parts = json.loads(done.stdout)
    return spans, parts


async def test_several_processes_find_what_one_finds(services: Services, settings: Settings) -> None:
    await services.store.append([submission() for _ in range(7)])
    for statement in FAULTS:
        tamper(settings, statement)
    by_one = [page async for page in verify_read_model(services.read_model)]

    spans, parts = compared_in_spans_of_two(settings)

    assert (spans, len(parts)) == (4, 4)
    assert sum(jobs for jobs, _, _ in parts) == by_one[0].jobs == 7
    assert [found for _, _, differing in parts for found in differing] == json.loads(
        json.dumps(by_one[0].differences)
    )
    assert len(by_one[0].differences) == 3


async def test_spans_leave_no_id_out(services: Services) -> None:
    await services.store.append([submission() for _ in range(4)])
    first, second, third = await spans_of(services.read_model, jobs=2)

    assert (first.after, third.through) == (None, None)
    assert (first.through, second.through) == (second.after, third.after)
    assert await spans_of(services.read_model, jobs=5) == [Span()]


@contextmanager
def verifying_behind_a_lock(settings: Settings) -> Iterator["subprocess.Popen[str]"]:
    """`jobledger verify` whose processes wait, for as long as the block lasts, for a table."""
    with psycopg.connect(settings.owner_url) as owner:
        owner.execute("LOCK TABLE jobledger.jobs")
        process = subprocess.Popen(
            [sys.executable, "-m", "entrypoints.cli", "verify", "--processes", "2"],
            env=environment(settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            until(lambda: waiting_for_locks(settings) > 0, PATIENCE_SECONDS)
            yield process
        finally:
            process.kill()
            process.communicate()


def waiting_for_locks(settings: Settings) -> int:
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'jobledger.jobs'::regclass"
    with psycopg.connect(settings.owner_url) as connection:
        ((count,),) = connection.execute(query).fetchall()
    return int(count)


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_gone(pid: int) -> bool:
    """Also a process whose end nobody asked for yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="asks /proc who whose child is")


@on_linux
def test_a_killed_process_ends_the_comparison_with_a_clear_line(settings: Settings) -> None:
    with verifying_behind_a_lock(settings) as process:
        for child in children_of(process.pid):
            os.kill(child, signal.SIGKILL)
        output, errors = process.communicate(timeout=PATIENCE_SECONDS)

    assert (process.returncode, output) == (6, "")
    assert errors == (
        "jobledger: One of the comparing processes was killed, perhaps for want of memory: "
        "try fewer with --processes.\n"
    )


@on_linux
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_comparison(settings: Settings, how: signal.Signals) -> None:
    with verifying_behind_a_lock(settings) as process:
        children = children_of(process.pid)
        process.send_signal(how)
        process.wait(PATIENCE_SECONDS)

        assert children
        until(lambda: all(map(is_gone, children)), PATIENCE_SECONDS)
        assert process.returncode not in (0, 1)
