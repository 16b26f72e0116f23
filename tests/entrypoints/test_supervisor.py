"""The supervisor with tiny children: they are restarted, drained, killed, and never left behind."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO

import pytest

from domain.errors import InvalidSettings
from entrypoints.supervisor import Part, Supervisor
from tests.waiting import until

DEADLINE_SECONDS = 10.0

# Says that it lives by writing its pid to a file, and leaves as a part does.
WAITS = """
import os, pathlib, sys, threading, signal
from entrypoints.parent_watch import watch_supervisor
gone = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: gone.set())
watch_supervisor(os.environ)
place = pathlib.Path(sys.argv[1])
(place / f"new-{os.getpid()}").touch()
(place / f"new-{os.getpid()}").rename(place / f"alive-{os.getpid()}")
while not gone.wait(0.05):
    pass
(place / f"drained-{os.getpid()}").touch()
"""

IGNORES_SIGTERM = WAITS.replace("lambda *_: gone.set()", "signal.SIG_IGN")

SUPERVISES = """
import asyncio, os, sys
from entrypoints.supervisor import Part, Supervisor
part = Part("waits", (sys.executable, "-c", sys.argv[2], sys.argv[1]))
supervisor = Supervisor([part], environment=os.environ, output=sys.stderr, drain_seconds=5)
asyncio.run(supervisor.run(asyncio.Event()))
"""


@pytest.fixture
def output(tmp_path: Path) -> Iterator[IO[str]]:
    with (tmp_path / "output").open("w") as opened:
        yield opened


def supervisor_of(script: str, place: Path, output: IO[str], *, drain_seconds: float = 5.0) -> Supervisor:
    part = Part("child", (sys.executable, "-c", script, str(place)))
    return Supervisor([part], environment=os.environ, output=output, drain_seconds=drain_seconds)


@asynccontextmanager
async def running(supervisor: Supervisor) -> AsyncIterator[asyncio.Event]:
    leaving = asyncio.Event()
    task = asyncio.create_task(supervisor.run(leaving))
    try:
        yield leaving
    finally:
        leaving.set()
        await task


def seen(place: Path, what: str) -> list[int]:
    return [int(path.name.removeprefix(what + "-")) for path in place.glob(f"{what}-*")]


def is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def test_a_child_that_was_killed_is_started_again(tmp_path: Path, output: IO[str]) -> None:
    async with running(supervisor_of(WAITS, tmp_path, output)):
        await until(lambda: len(seen(tmp_path, "alive")) == 1)
        os.kill(seen(tmp_path, "alive")[0], signal.SIGKILL)
        await until(lambda: len(seen(tmp_path, "alive")) == 2)


TELLS = """
import os, pathlib, sys, time
from entrypoints.parent_watch import lineage
me = lineage(os.environ)
assert lineage(os.environ) == (None, ())
(pathlib.Path(sys.argv[1]) / f"told-{me.process_id},{','.join(me.exited)}").touch()
raise SystemExit(len(me.exited) < 2)
"""


async def test_a_child_is_told_who_had_its_place_and_has_exited(tmp_path: Path, output: IO[str]) -> None:
    def told() -> list[list[str]]:
        names = sorted((path.name for path in tmp_path.glob("told-*")), key=len)
        return [name.removeprefix("told-").strip(",").split(",") for name in names]

    async with running(supervisor_of(TELLS, tmp_path, output)):
        await until(lambda: len(told()) >= 3)
    (first,), (second, *before_second), (_, *before_third) = told()[:3]

    assert before_second == [first]
    assert before_third == [first, second]


async def test_children_are_drained_when_the_supervisor_leaves(tmp_path: Path, output: IO[str]) -> None:
    async with running(supervisor_of(WAITS, tmp_path, output)):
        await until(lambda: len(seen(tmp_path, "alive")) == 1)
    assert seen(tmp_path, "drained") == seen(tmp_path, "alive")
    assert not is_alive(seen(tmp_path, "alive")[0])


async def test_a_child_that_does_not_leave_is_killed(tmp_path: Path, output: IO[str]) -> None:
    async with running(supervisor_of(IGNORES_SIGTERM, tmp_path, output, drain_seconds=0.1)):
        await until(lambda: len(seen(tmp_path, "alive")) == 1)
    assert not is_alive(seen(tmp_path, "alive")[0])


async def test_a_child_that_is_misconfigured_ends_the_whole(tmp_path: Path, output: IO[str]) -> None:
    supervisor = supervisor_of("raise SystemExit(2)", tmp_path, output)
    leaving = asyncio.Event()
    with pytest.raises(InvalidSettings, match="child"):
        await asyncio.wait_for(supervisor.run(leaving), DEADLINE_SECONDS)
    assert leaving.is_set()


async def test_a_child_that_has_run_is_started_again_whatever_it_exits_with(
    tmp_path: Path, output: IO[str]
) -> None:
    once_misconfigured = f"""
import pathlib, sys
marks = pathlib.Path(sys.argv[1])
if len(list(marks.glob("alive-*"))) == 1 and not (marks / "refused").exists():
    (marks / "refused").touch()
    raise SystemExit(2)
{WAITS}"""
    async with running(supervisor_of(once_misconfigured, tmp_path, output)):
        await until(lambda: len(seen(tmp_path, "alive")) == 1)
        os.kill(seen(tmp_path, "alive")[0], signal.SIGKILL)
        await until(lambda: len(seen(tmp_path, "alive")) == 2)
    assert (tmp_path / "refused").exists()


async def test_a_child_inherits_what_its_part_passes(tmp_path: Path, output: IO[str]) -> None:
    reading, writing = os.pipe()
    script = f"import os, time; os.write({writing}, b'here'); time.sleep(60)"
    part = Part("child", (sys.executable, "-c", script), passes=(writing,))
    supervisor = Supervisor([part], environment=os.environ, output=output, drain_seconds=0.1)
    async with running(supervisor):
        assert await asyncio.to_thread(os.read, reading, 4) == b"here"
    os.close(reading)
    os.close(writing)


async def test_a_child_leaves_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    supervisor = await asyncio.create_subprocess_exec(sys.executable, "-c", SUPERVISES, str(tmp_path), WAITS)
    await until(lambda: len(seen(tmp_path, "alive")) == 1)
    supervisor.kill()
    await supervisor.wait()
    (child,) = seen(tmp_path, "alive")
    await until(lambda: seen(tmp_path, "drained") == [child])
