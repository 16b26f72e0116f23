"""Archive files: there with all they hold, or not at all."""

from contextlib import suppress
from pathlib import Path

import pytest

from adapters.archive_files import GzipArchiveFiles
from domain.errors import StorageUnavailable


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    files = GzipArchiveFiles(tmp_path / "new" / "folder")
    with files.writing("a.gz") as write:
        write(b"one\n")
        write(b"two\n")

    assert list(files.lines("a.gz")) == [b"one\n", b"two\n"]
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == ["a.gz"]


def test_what_was_not_finished_has_no_name(tmp_path: Path) -> None:
    files = GzipArchiveFiles(tmp_path)
    with files.writing("a.gz") as write:
        write(b"the old one\n")
    with suppress(KeyboardInterrupt), files.writing("a.gz") as write:
        write(b"half of the new one")
        raise KeyboardInterrupt

    assert list(files.lines("a.gz")) == [b"the old one\n"]


def test_the_same_content_is_the_same_file(tmp_path: Path) -> None:
    files = GzipArchiveFiles(tmp_path)
    for name in ("a.gz", "b.gz"):
        with files.writing(name) as write:
            write(b"content\n")

    assert files.digest("a.gz") == files.digest("b.gz")
    assert files.digest("c.gz") is None


def test_a_folder_that_cannot_be_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    files = GzipArchiveFiles(tmp_path / "file")

    with pytest.raises(StorageUnavailable, match="cannot be written"), files.writing("a.gz"):
        pass
