"""The embedded PostgreSQL comes up whatever its predecessor left behind."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from adapters.embedded_postgres import EmbeddedPostgres, bundled_binaries
from domain.errors import InvalidSettings, StorageUnavailable

# These servers live for a second; small ones start sooner.
OPTIONS = {"fsync": "off", "shared_buffers": "1MB", "max_connections": "10"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    embedded = EmbeddedPostgres(tmp_path / "data" / "postgres")
    yield embedded
    embedded.stop("immediate")


def write(url: str, value: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value integer)")
        connection.execute("INSERT INTO kept VALUES (%s)", [value])


def read(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        return [value for (value,) in connection.execute("SELECT value FROM kept ORDER BY value")]


def postmaster_pid(server: EmbeddedPostgres) -> int:
    return int((server.directory / "postmaster.pid").read_text().splitlines()[0])


def test_data_is_kept_between_runs(server: EmbeddedPostgres) -> None:
    write(server.start(OPTIONS), 1)
    server.stop()
    assert read(server.start(OPTIONS)) == [1]


def test_a_server_that_already_runs_is_taken(server: EmbeddedPostgres) -> None:
    server.start(OPTIONS)
    pid = postmaster_pid(server)
    EmbeddedPostgres(server.directory).start(OPTIONS)
    assert postmaster_pid(server) == pid


def test_it_comes_back_after_an_immediate_stop(server: EmbeddedPostgres) -> None:
    write(server.start(OPTIONS), 1)
    server.stop("immediate")
    assert read(server.start(OPTIONS)) == [1]


def test_it_comes_back_after_its_postmaster_was_killed_under_load(server: EmbeddedPostgres) -> None:
    url = server.start(OPTIONS)
    write(url, 1)
    busy = psycopg.connect(url)
    # A process that computes does not look whether its postmaster lives: it keeps the shared memory.
    busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 5000000)")
    os.kill(postmaster_pid(server), signal.SIGKILL)
    assert read(server.start(OPTIONS)) == [1]
    busy.close()


def test_a_pid_file_whose_number_another_program_got_is_no_server(server: EmbeddedPostgres) -> None:
    write(server.start(OPTIONS), 1)
    pid_file = server.directory / "postmaster.pid"
    kept = pid_file.read_text().splitlines()
    server.stop()
    pid_file.write_text("\n".join([str(os.getpid()), *kept[1:]]))
    assert read(server.start(OPTIONS)) == [1]


def test_a_base_backup_starts_beside_its_original_whoever_put_it_there(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    url = server.start(OPTIONS | {"max_wal_senders": "2"})
    write(url, 1)
    copy = EmbeddedPostgres(tmp_path / "copy" / "postgres")
    program = bundled_binaries() / "pg_basebackup"
    subprocess.run([program, "-d", url, "-D", copy.directory, "--checkpoint=fast"], check=True)
    try:
        assert read(copy.start(OPTIONS)) == [1]
    finally:
        copy.stop("immediate")


def test_a_half_made_data_directory_is_made_again(server: EmbeddedPostgres) -> None:
    half = server.directory.with_name("postgres.new")
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    write(server.start(OPTIONS), 1)
    assert not half.exists()


def test_a_directory_with_something_else_in_it_is_left_alone(server: EmbeddedPostgres) -> None:
    server.directory.mkdir(parents=True)
    (server.directory / "letters.txt").write_text("dear")
    with pytest.raises(InvalidSettings, match="something else"):
        server.start(OPTIONS)
    assert (server.directory / "letters.txt").read_text() == "dear"


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidSettings, match="DATA_DIRECTORY"):
        EmbeddedPostgres(tmp_path / "file" / "postgres").start(OPTIONS)


def test_a_server_that_cannot_start_says_why(server: EmbeddedPostgres) -> None:
    with pytest.raises(StorageUnavailable, match="shared_buffers"):
        server.start(OPTIONS | {"shared_buffers": "plenty"})


@pytest.mark.parametrize("name", ["n" * 100, "one, two", "it's mine"])
def test_any_name_of_a_directory_will_do(tmp_path: Path, name: str) -> None:
    server = EmbeddedPostgres(tmp_path / name / "postgres")
    write(server.start(OPTIONS), 1)
    server.stop("immediate")


def test_a_signal_to_the_terminal_does_not_reach_the_server(server: EmbeddedPostgres) -> None:
    server.start(OPTIONS)
    assert os.getsid(postmaster_pid(server)) != os.getsid(0)


def test_stopping_a_stopped_server_is_nothing(server: EmbeddedPostgres) -> None:
    server.start(OPTIONS)
    server.stop()
    server.stop()


def test_a_role_without_login_can_be_let_in(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.start(OPTIONS)) as connection:
        connection.execute("CREATE ROLE guest NOLOGIN")
    with psycopg.connect(server.let_in("guest", database="postgres")) as connection:
        assert connection.info.user == "guest"
