"""`jobledger queues` and `jobledger limits` against the whole API, over ports in memory."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner, Result

from entrypoints.cli import app
from tests.entrypoints.dashboard.conftest import served

Run = Callable[..., Awaitable[Result]]


@pytest.fixture
async def run() -> AsyncIterator[Run]:
    """Runs a command as an operator, or with the roles that are named."""
    before = structlog.get_config()
    # A command's output is all that goes to this process's, of which the service is a part here.
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr), cache_logger_on_first_use=False
    )
    async with served(1) as site:

        async def command(*words: str, roles: tuple[str, ...] = ("operator",)) -> Result:
            environment = {"JOBLEDGER_URL": site.url, "JOBLEDGER_TOKEN": site.token("op-erika", *roles)}
            return await asyncio.to_thread(CliRunner().invoke, app, list(words), env=environment)

        yield command
    structlog.configure(**before)


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


async def test_a_queue_is_paused_listed_and_resumed(run: Run) -> None:
    paused = told(await run("queues", "pause", "sample_task", "--reason", "the printer is broken"))
    listed = told(await run("queues", "list"))
    table = (await run("queues", "list", "--table")).stdout
    resumed = told(await run("queues", "resume", "sample_task", "--reason", "it prints again"))

    assert paused == [{"name": "sample_task", "is_paused": True, "version": 1}]
    assert paused[0] in listed
    assert {it["name"] for it in listed if it["is_paused"]} == {"sample_task"}
    assert [line.split()[1:6:2] for line in table.splitlines() if "sample_task" in line] == [
        ["sample_task", "True", "1"]
    ]
    assert resumed == [{"name": "sample_task", "is_paused": False, "version": 2}]


async def test_a_limit_is_set_replaced_whole_and_removed(run: Run) -> None:
    whose = ("ana", "--group", "red", "--reason", "their contract says so")
    rate = ("--starts", "60", "--per-seconds", "60", "--burst", "5")
    first = told(await run("limits", "set", *whose, *rate, "--concurrency", "0"))
    second = told(await run("limits", "set", *whose, "--weight", "3"))
    listed = told(await run("limits", "list"))
    removed = await run("limits", "remove", "ana", "--group", "red", "--reason", "over")

    assert (first[0]["concurrency"], first[0]["rate"]) == (0, {"starts": 60, "per_seconds": 60, "burst": 5})
    assert (second[0]["concurrency"], second[0]["rate"], second[0]["weight"]) == (None, None, 3)
    assert listed == second
    assert (removed.exit_code, told(await run("limits", "list"))) == (0, [])
    assert "nothing is set" in (await run("limits", "list", "--table")).stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("limits", "set", "ana", "--reason", "x"), 2, "--concurrency, --starts or --weight"),
        (("limits", "set", "ana", "--starts", "0", "--reason", "x"), 4, "greater than or equal to 1"),
        (("limits", "set", "*", "--group", "red", "--weight", "1", "--reason", "x"), 4, "each user's own"),
        (("limits", "set", "ana", "--weight", "1"), 2, "--reason"),
        (("limits", "remove", "ana", "--reason", "x"), 3, "limit"),
        (("queues", "pause", "nonesuch", "--reason", "x"), 3, "nonesuch"),
        (("queues", "pause", "sample_task"), 2, "--reason"),
    ],
)
async def test_what_makes_no_sense_is_refused_in_words(
    run: Run, words: tuple[str, ...], code: int, says: str
) -> None:
    refused = await run(*words)

    assert refused.exit_code == code
    assert says in " ".join(refused.output.split())


async def test_auditors_look_and_users_do_not_even_that(run: Run) -> None:
    await run("limits", "set", "ana", "--weight", "2", "--reason", "x")
    looked = await run("limits", "list", roles=("auditor",))
    touched = await run("queues", "pause", "sample_task", "--reason", "x", roles=("auditor",))
    by_a_user = await run("limits", "list", roles=())

    assert [it["user_id"] for it in told(looked)] == ["ana"]
    assert (touched.exit_code, by_a_user.exit_code) == (5, 5)
    assert "An auditor can change nothing." in " ".join(touched.output.split())
