"""The client commands against a service that answers as told: what they print, ask and exit with."""

import json
import shlex
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from entrypoints.cli import app

JOB_ID = "01a20d9c-3691-7147-a44d-0f4ab0f66e4d"
PLACE = f"/jobs/{JOB_ID}"


def job(**rest: Any) -> dict[str, Any]:
    """A job as the API shows it; a test names only what it is about."""
    return {
        "id": JOB_ID,
        "user_id": "local-user",
        "job_type": "sample_task",
        "job_parameters": {"steps": 3},
        "status": "completed",
        "version": 3,
        "attempt": 1,
        "max_attempts": 3,
        "priority": 0,
        "tags": [],
        "progress": None,
        "result": None,
        "error_info": None,
        "data_references": [],
        "unique_key": None,
        "run_at": None,
        "due_at": None,
        "created_at": "2026-06-01T12:00:00.000001Z",
        "started_at": "2026-06-01T12:00:01.000001Z",
        "finished_at": "2026-06-01T12:00:02.000001Z",
        "updated_at": "2026-06-01T12:00:02.000001Z",
        "links": {"self": PLACE},
    } | rest


def event(version: int, kind: str, **data: Any) -> dict[str, Any]:
    return {
        "job_id": JOB_ID,
        "version": version,
        "type": kind,
        "recorded_at": f"2026-06-01T12:00:0{version}.000001Z",
        "actor": {"kind": "user", "id": "local-user"},
        "request_id": "request-7",
        "data": data,
        "is_erased": False,
    }


def refusal(status: int, title: str, detail: str, **rest: Any) -> tuple[int, dict[str, Any]]:
    return status, {"title": title, "detail": detail, "status": status, "request_id": "request-7"} | rest


@dataclass
class ToldService:
    """Answers each path with the next of its answers, the last one again and again; notes what was asked."""

    answers: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    asked: list[tuple[str, str, Any, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def tell(self, path: str, *answers: tuple[int, Any]) -> None:
        self.answers[path] = list(answers)

    def answer(self, path: str) -> tuple[int, Any]:
        waiting = self.answers[path]
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


def handler_of(service: ToldService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body: Any) -> None:
            service.asked.append((self.command, self.path, body, {**self.headers}))
            status, content = service.answer(self.path)
            told = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            pass

    return Handler


@pytest.fixture
def service() -> Iterator[ToldService]:
    told = ToldService()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_of(told)) as server:
        told.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield told
        server.shutdown()
        thread.join()


def run(service: ToldService, *arguments: str) -> Result:
    environment = {"JOBLEDGER_URL": service.url, "JOBLEDGER_TOKEN": "a-token", "COLUMNS": "200"}
    return CliRunner().invoke(app, arguments, env=environment)


def test_a_submission_sends_what_was_asked_for_and_nothing_else(service: ToldService) -> None:
    service.tell("/jobs", (202, job(status="pending")))
    options = ("--priority", "9", "--tag", "a", "--tag", "b", "--idempotency-key", "once")
    result = run(service, "submit", "sample_task", "--parameters", '{"steps": 3}', *options)
    assert result.exit_code == 0
    ((method, _, body, headers),) = service.asked
    assert method == "POST"
    assert body == {
        "job_type": "sample_task",
        "job_parameters": {"steps": 3},
        "priority": 9,
        "tags": ["a", "b"],
    }
    assert headers["Authorization"] == "Bearer a-token"
    assert headers["Idempotency-Key"] == "once"


def test_without_a_terminal_the_answer_is_json(service: ToldService) -> None:
    service.tell(PLACE, (200, job()))
    assert json.loads(run(service, "show", JOB_ID).stdout) == job()


def test_a_table_names_the_whole_id(service: ToldService) -> None:
    service.tell("/jobs?limit=20", (200, {"jobs": [job()], "next": None}))
    assert JOB_ID in run(service, "list", "--table").stdout


def test_a_list_is_filtered_by_the_service(service: ToldService) -> None:
    service.tell("/jobs?status=failed&limit=5", (200, {"jobs": [], "next": None}))
    assert run(service, "list", "--status", "failed", "--limit", "5").exit_code == 0


def test_a_list_goes_on_over_pages_that_hold_nothing_until_it_is_full(service: ToldService) -> None:
    first, second, third = "/jobs?status=failed&limit=1", "/jobs?cursor=a", "/jobs?cursor=b"
    service.tell(first, (200, {"jobs": [], "next": second}))
    service.tell(second, (200, {"jobs": [job()], "next": third}))
    result = run(service, "list", "--status", "failed", "--limit", "1")

    assert json.loads(result.stdout) == [job()]
    assert [path for _, path, *_ in service.asked] == [first, second]


def test_a_history_is_read_over_all_its_pages(service: ToldService) -> None:
    more = f"{PLACE}/events?after=1&limit=1"
    service.tell(f"{PLACE}/events?after=0", (200, {"events": [event(1, "JobSubmitted")], "next": more}))
    service.tell(more, (200, {"events": [event(2, "JobCompleted")], "next": None}))
    result = run(service, "history", JOB_ID)
    assert [told["version"] for told in json.loads(result.stdout)] == [1, 2]


def test_a_history_tells_who_did_what_on_which_request_and_why(service: ToldService) -> None:
    cancelled = event(2, "JobCancelled", reason="no longer needed")
    service.tell(f"{PLACE}/events?after=0", (200, {"events": [cancelled], "next": None}))
    told = run(service, "history", JOB_ID, "--table").stdout
    for word in ("JobCancelled", "user local-user", "request-7", "no longer needed"):
        assert word in told


@pytest.mark.parametrize(("act", "reason"), [("cancel", "too late"), ("retry", "fixed since")])
def test_an_act_sends_its_reason(service: ToldService, act: str, reason: str) -> None:
    service.tell(f"{PLACE}/{act}", (200, job(status="cancelling")))
    assert run(service, act, JOB_ID, "--reason", reason).exit_code == 0
    assert service.asked[0][2] == {"reason": reason}


@pytest.mark.parametrize(("status", "code"), [("completed", 0), ("failed", 1), ("cancelled", 1)])
def test_waiting_ends_with_the_job_and_its_exit_code(service: ToldService, status: str, code: int) -> None:
    service.tell("/jobs", (202, job(status="pending")))
    service.tell(PLACE, (200, job(status="processing")), (200, job(status=status)))
    result = run(service, "submit", "sample_task", "--wait")
    assert result.exit_code == code
    assert json.loads(result.stdout)["status"] == status


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, 5), (403, 5), (404, 3), (409, 4), (412, 4), (413, 4), (422, 4), (500, 6), (503, 6)],
)
def test_a_refusal_is_one_line_and_its_exit_code(service: ToldService, status: int, code: int) -> None:
    service.tell(PLACE, refusal(status, "It cannot be done", "Because it is so."))
    result = run(service, "show", JOB_ID)
    assert result.exit_code == code
    assert result.stderr == "jobledger: It cannot be done. Because it is so. (request request-7)\n"
    assert result.stdout == ""


def test_a_refusal_names_each_wrong_field(service: ToldService) -> None:
    errors = [{"pointer": "/priority", "detail": "at most 9"}]
    service.tell("/jobs", refusal(422, "It cannot be accepted", "See `errors`.", errors=errors))
    assert "/priority: at most 9" in run(service, "submit", "sample_task").stderr


def test_something_else_that_answers_is_told_in_a_line(service: ToldService) -> None:
    service.tell(PLACE, (502, b"<html>Bad gateway</html>"))
    result = run(service, "show", JOB_ID)
    assert result.stderr == "jobledger: The service answered 502.\n"


def test_a_page_instead_of_json_is_told_in_a_line(service: ToldService) -> None:
    service.tell(PLACE, (200, b"<html>Hello</html>"))
    result = run(service, "show", JOB_ID)
    assert result.exit_code == 6
    assert result.stderr.endswith("does not answer like Jobledger.\n")


@pytest.mark.parametrize("url", ["nonsense", "http://127.0.0.1:port", "ftp://127.0.0.1"])
def test_an_address_that_is_none_is_wrong_usage(url: str) -> None:
    result = run(ToldService(url=url), "list")
    assert result.exit_code == 2
    assert "is no URL" in result.stderr


def test_words_of_others_are_neither_markup_nor_control_sequences(service: ToldService) -> None:
    said = event(1, "JobCancelled", reason="see [/b] :smile: \x1b[31m")
    service.tell(f"{PLACE}/events?after=0", (200, {"events": [said], "next": None}))
    told = run(service, "history", JOB_ID, "--table").stdout
    assert "see [/b] :smile:" in told
    assert "\x1b" not in told


def test_watching_says_what_happens_until_the_job_ends(service: ToldService) -> None:
    service.tell(PLACE, (200, job(status="processing", version=1)), (200, job(status="failed", version=2)))
    first = {"events": [event(1, "JobSubmitted")], "next": None}
    second = {"events": [event(2, "JobFailed", cause="failed")], "next": None}
    service.tell(f"{PLACE}/events?after=0", (200, first))
    service.tell(f"{PLACE}/events?after=1", (200, second))
    result = run(service, "watch", JOB_ID)
    assert [json.loads(line)["version"] for line in result.stdout.splitlines()] == [1, 2]
    assert result.exit_code == 1


def test_a_service_that_is_not_there_is_unreachable() -> None:
    result = run(ToldService(url="http://127.0.0.1:1"), "list")
    assert result.exit_code == 6
    assert result.stderr.startswith("jobledger: http://127.0.0.1:1 cannot be reached")


def test_parameters_that_are_not_json_are_refused_before_anything_is_asked(service: ToldService) -> None:
    result = run(service, "submit", "sample_task", "--parameters", "{steps: 3}")
    assert result.exit_code == 2
    assert result.stderr.startswith("jobledger: --parameters is not JSON")
    assert service.asked == []


def commands(above: Any) -> Iterator[Any]:
    for command in above.commands.values():
        yield command
        yield from commands(command) if hasattr(command, "commands") else ()


def test_the_example_of_a_commands_help_is_one_that_it_takes() -> None:
    root = typer.main.get_command(app)
    examples = {command: command.epilog for command in commands(root) if command.epilog}

    assert len(examples) > 5
    for command, epilog in examples.items():
        words = shlex.split(epilog.removeprefix("Example: jobledger "))
        command.make_context(command.name, words[words.index(command.name) + 1 :])


def test_every_option_of_every_command_says_what_it_is() -> None:
    silent = [
        (command.name, option.name)
        for command in commands(typer.main.get_command(app))
        for option in command.params
        if not getattr(option, "help", None)
    ]

    assert silent == []
