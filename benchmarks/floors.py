"""What the machine itself can do, for each of our measures: pgbench of our own statement, bare HTTP."""

import re
import subprocess
from typing import Any

import psycopg

from adapters.embedded_postgres import bundled_binaries
from adapters.postgres.change_rows import encode_changes, submit_columns
from adapters.postgres.statements import statement
from benchmarks.measures import new_job
from benchmarks.server import Bench, run
from domain.routes import EVERYTHING_LOCAL


def submit_statement(bench: Bench) -> str:
    """Our statement for one submission, with everything in it but a new id each time."""

    async def encoded() -> tuple[str, str]:
        async with bench.services() as services:
            change = new_job(services)
            columns: dict[str, Any] = {
                **submit_columns(encode_changes([change])),
                "code_version": "bench",
                "routed_apart": EVERYTHING_LOCAL.routed_apart,
                "others_are_remote": False,
            }
            with psycopg.connect(bench.settings.database_url) as connection:
                text = psycopg.ClientCursor(connection).mogrify(statement("event_store/submit"), columns)
            return text, change.job_id

    text, job_id = run(encoded())
    return re.sub(rf"'{{{job_id}}}'::uuid\[\]", "ARRAY[uuidv7()]", text) + ";\n"


def pgbench_submit(bench: Bench, *, clients: int, seconds: int) -> float:
    """Submissions a second when nothing but PostgreSQL and pgbench is in the way."""
    bench.fresh()
    script = bench.directory / "submit.sql"
    script.write_text(submit_statement(bench))
    done = subprocess.run(  # noqa: S603 - the bundled program
        [bundled_binaries() / "pgbench", "-n", "-M", "prepared", "-f", script, "-c", str(clients),
         "-j", "2" if clients > 1 else "1", "-T", str(seconds), bench.settings.database_url],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found, done.stdout
    return float(found[1])
