"""The ledger's private keys: from the settings, or in files of the data directory.

A key is 32 random bytes, an Ed25519 seed, in base64. Besides the present one there is the previous one while
it is being replaced; then both sign.
"""

import base64
import binascii
import os
from collections.abc import Sequence
from pathlib import Path

from adapters.ed25519 import Ed25519Signer
from adapters.key_files import write_once
from domain.errors import InvalidSettings
from domain.ports.signatures import Signer

SEED_BYTES = 32
PRESENT = "ledger.key"
PREVIOUS = "ledger-previous.key"
NEXT = "ledger-next.key"


class GivenKeys:
    """Keys that the settings hold; `texts` are the present one and what is being replaced."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._seeds = [_seed(text, "LEDGER_KEY") for text in texts]

    def signers(self, name: str) -> list[Signer]:
        return [Ed25519Signer(name, seed) for seed in self._seeds]


class FiledKeys:
    """Keys in files of `directory`, read anew each time, so that a rotation needs no restart."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def signers(self, name: str) -> list[Signer]:
        present = self._directory / PRESENT
        try:
            if not present.exists():
                self._put(present)
            paths = [path for path in (present, self._directory / PREVIOUS) if path.exists()]
            seeds = [_seed(path.read_text(encoding="ascii"), str(path)) for path in paths]
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidSettings(f"{self._directory}: the ledger's keys cannot be read: {error}") from error
        return [Ed25519Signer(name, seed) for seed in seeds]

    def signers_to_be(self, name: str) -> list[Signer]:
        """What signs once `begin_rotation` was called: a new key, and the present one beside it."""
        present = self.signers(name)
        if len(present) > 1:
            raise InvalidSettings("A key is being replaced already; end that first, with --finish.")
        self._put(self._directory / NEXT)
        seed = _seed((self._directory / NEXT).read_text(encoding="ascii"), NEXT)
        return [Ed25519Signer(name, seed), *present]

    def begin_rotation(self) -> None:
        """Sign with the new key; never is there a moment without one."""
        os.link(self._directory / PRESENT, self._directory / PREVIOUS)
        (self._directory / NEXT).replace(self._directory / PRESENT)

    def end_rotation(self) -> None:
        """Let the previous key go."""
        (self._directory / PREVIOUS).unlink(missing_ok=True)

    def _put(self, path: Path) -> None:
        write_once(path, base64.b64encode(os.urandom(SEED_BYTES)) + b"\n")


def _seed(text: str, where: str) -> bytes:
    try:
        seed = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        seed = b""
    if len(seed) != SEED_BYTES:
        raise InvalidSettings(f"{where}: a key is {SEED_BYTES} random bytes in base64.")
    return seed
