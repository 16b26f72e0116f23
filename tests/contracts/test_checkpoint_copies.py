"""What copies of checkpoints promise: the last one is there, whole."""

from pathlib import Path

import pytest

from adapters.checkpoint_directory import CheckpointDirectory
from adapters.in_memory.checkpoint_copies import InMemoryCheckpointCopies
from domain.errors import CopiesUnavailable
from domain.ports.checkpoint_copies import CheckpointCopies


@pytest.fixture(params=["in_memory", "directory"])
def copies(request: pytest.FixtureRequest, tmp_path: Path) -> CheckpointCopies:
    return (
        InMemoryCheckpointCopies() if request.param == "in_memory" else CheckpointDirectory(tmp_path / "new")
    )


async def test_nothing_was_kept_at_first(copies: CheckpointCopies) -> None:
    assert await copies.last() is None


async def test_the_last_note_is_kept_word_for_word(copies: CheckpointCopies) -> None:
    await copies.keep("a\n1\nAA==\n\n— a AA==\n")
    await copies.keep("a\n2\nBB==\n\n— a BB==\n")

    assert await copies.last() == "a\n2\nBB==\n\n— a BB==\n"


async def test_nothing_half_written_lies_about(tmp_path: Path) -> None:
    await CheckpointDirectory(tmp_path).keep("note\n")

    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


async def test_a_directory_that_is_none_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    copies = CheckpointDirectory(tmp_path / "file")

    with pytest.raises(CopiesUnavailable, match="cannot be written to"):
        await copies.keep("note\n")
    with pytest.raises(CopiesUnavailable, match="cannot be read"):
        await copies.last()
