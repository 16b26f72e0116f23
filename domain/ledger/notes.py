"""Checkpoints, signed notes and proofs as text: C2SP tlog-checkpoint, signed-note and tlog-proof."""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domain.ports.signatures import SignatureCheck, Signer

ED25519 = b"\x01"
ED25519_KEY_BYTES = 32
KEY_ID_BYTES = 4
PROOF_HEADER = "c2sp.org/tlog-proof@v1"


class MalformedNote(ValueError):
    """The text is no signed note, no checkpoint or no key; it says which line is wrong."""


class LogKey(NamedTuple):
    """A log's public key under the name it signs by."""

    name: str
    public_key: bytes

    @property
    def id(self) -> bytes:
        """The first four bytes of SHA-256(name, newline, 0x01, key)."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public_key).digest()[:KEY_ID_BYTES]

    def __str__(self) -> str:
        """The key as auditors are given it: `name+id+key`."""
        return f"{self.name}+{self.id.hex()}+{_base64(ED25519 + self.public_key)}"


def parse_key(text: str) -> LogKey:
    """What `str` of a LogKey says; raises MalformedNote, also when the id is not the key's."""
    name, _, rest = text.strip().partition("+")
    id_text, _, key_text = rest.partition("+")
    key = _bytes(key_text, "the key")
    if not name or key[:1] != ED25519 or len(key) != 1 + ED25519_KEY_BYTES:
        raise MalformedNote("a key reads name+id+base64, of an Ed25519 public key")
    parsed = LogKey(name, key[1:])
    if parsed.id.hex() != id_text:
        raise MalformedNote(f"the id {id_text} is not that of this key and name")
    return parsed


class Checkpoint(NamedTuple):
    """How far the ledger `origin` goes and what it holds; `extensions` are further lines."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def body(self) -> str:
        lines = (self.origin, str(self.size), _base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


class NoteSignature(NamedTuple):
    name: str
    key_id: bytes
    signature: bytes


class SignedNote(NamedTuple):
    """`body` ends with a newline, and is what the signatures are over."""

    body: str
    signatures: tuple[NoteSignature, ...]

    def __str__(self) -> str:
        lines = (f"— {name} {_base64(key_id + signature)}\n" for name, key_id, signature in self.signatures)
        return f"{self.body}\n{''.join(lines)}"

    def is_signed_by(self, key: LogKey, check: SignatureCheck) -> bool:
        """Whether a signature under the key's name and id verifies."""
        return any(
            check(key.public_key, signed.signature, self.body.encode())
            for signed in self.signatures
            if (signed.name, signed.key_id) == (key.name, key.id)
        )


def sign(body: str, signers: Iterable[Signer]) -> SignedNote:
    """The body under every signer's signature: two while a key is being replaced."""
    signatures = []
    for signer in signers:
        key = LogKey(signer.name, signer.public_key)
        signatures.append(NoteSignature(key.name, key.id, signer.sign(body.encode())))
    return SignedNote(body, tuple(signatures))


def parse_note(text: str) -> SignedNote:
    body, separator, rest = text.rpartition("\n\n")
    if not separator or not rest.endswith("\n"):
        raise MalformedNote("a signed note has an empty line before its signatures and ends with a newline")
    signatures = []
    for line in rest.removesuffix("\n").split("\n"):
        dash, _, named = line.partition(" ")
        name, _, signature = named.partition(" ")
        blob = _bytes(signature, f"the signature of {name or 'nobody'}")
        if dash != "—" or not name or len(blob) <= KEY_ID_BYTES:
            raise MalformedNote(f"no signature line: {line!r}")
        signatures.append(NoteSignature(name, blob[:KEY_ID_BYTES], blob[KEY_ID_BYTES:]))
    return SignedNote(body + "\n", tuple(signatures))


def parse_checkpoint(body: str) -> Checkpoint:
    """A checkpoint out of a note's body."""
    try:
        origin, size, root, *extensions = body.removesuffix("\n").split("\n")
    except ValueError:
        raise MalformedNote("a checkpoint has at least three lines: origin, size, root") from None
    if not origin or not size.isascii() or not size.isdecimal() or size != str(int(size)):
        raise MalformedNote(f"no origin and size: {origin!r}, {size!r}")
    digest = _bytes(root, "the root")
    if len(digest) != hashlib.sha256().digest_size:
        raise MalformedNote("the root is no SHA-256")
    return Checkpoint(origin, int(size), digest, tuple(extensions))


@dataclass(frozen=True, slots=True)
class LedgerProof:
    """A leaf's place in a checkpointed tree, complete in itself."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str

    def __str__(self) -> str:
        lines = [PROOF_HEADER, f"index {self.index}", *map(_base64, self.hashes), "", self.checkpoint]
        return "\n".join(lines)


def parse_proof(text: str) -> LedgerProof:
    head, separator, checkpoint = text.partition("\n\n")
    header, *lines = head.split("\n")
    if lines and lines[0].startswith("extra "):
        lines = lines[1:]
    if header != PROOF_HEADER or not separator or not lines or not lines[0].startswith("index "):
        raise MalformedNote(f"a proof begins with {PROOF_HEADER} and its index")
    index = lines[0].removeprefix("index ")
    if not index.isascii() or not index.isdecimal():
        raise MalformedNote(f"no index: {index!r}")
    hashes = tuple(_bytes(line, "a hash of the proof") for line in lines[1:])
    return LedgerProof(int(index), hashes, checkpoint)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedNote(f"{what} is no base64: {text!r}") from None


def trusted_checkpoint(text: str, keys: Sequence[LogKey], check: SignatureCheck) -> Checkpoint:
    """The checkpoint of a signed note; raises MalformedNote when none of the keys signed it."""
    note = parse_note(text)
    checkpoint = parse_checkpoint(note.body)
    if not any(note.is_signed_by(key, check) for key in keys):
        signers = ", ".join(f"{signed.name}+{signed.key_id.hex()}" for signed in note.signatures)
        raise MalformedNote(
            f"the checkpoint of size {checkpoint.size} is signed by {signers}, by no key given"
        )
    return checkpoint
