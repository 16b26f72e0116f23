"""The signed note and its key are the example of golang.org/x/mod/sumdb/note, the origin of signed-note."""

import pytest

from adapters.ed25519 import Ed25519Signer, check_ed25519
from domain.ledger.notes import (
    Checkpoint,
    LedgerProof,
    LogKey,
    MalformedNote,
    SignedNote,
    parse_checkpoint,
    parse_key,
    parse_note,
    parse_proof,
    sign,
)

KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2p"
    "ZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
CHECKPOINT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"


def signer(name: str = "example.com/log", seed: bytes = bytes(32)) -> Ed25519Signer:
    return Ed25519Signer(name, seed)


def test_a_published_note_verifies_under_its_published_key() -> None:
    note = parse_note(NOTE)

    assert note.is_signed_by(parse_key(KEY), check_ed25519)
    assert str(note) == NOTE
    assert str(parse_key(KEY)) == KEY


def test_a_changed_note_does_not_verify() -> None:
    changed = parse_note(NOTE.replace("answer", "anwser"))
    renamed = parse_note(NOTE.replace("— PeterNeumann", "— PeterNeuman"))

    assert not changed.is_signed_by(parse_key(KEY), check_ed25519)
    assert not renamed.is_signed_by(parse_key(KEY), check_ed25519)


def test_a_checkpoint_reads_as_the_specification_shows_it() -> None:
    checkpoint = parse_checkpoint(CHECKPOINT)

    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.body == CHECKPOINT
    assert parse_checkpoint(CHECKPOINT + "more\n").extensions == ("more",)
    assert parse_checkpoint(CHECKPOINT + "more\n").body == CHECKPOINT + "more\n"


def test_two_keys_sign_while_one_replaces_the_other() -> None:
    old, new = signer(), signer(seed=b"\1" * 32)
    note = parse_note(str(sign(CHECKPOINT, [old, new])))

    assert [key.public_key for key in (old, new)] != [old.public_key] * 2
    for key in (old, new):
        assert note.is_signed_by(LogKey(key.name, key.public_key), check_ed25519)
    assert not note.is_signed_by(LogKey(old.name, signer(seed=b"\2" * 32).public_key), check_ed25519)


def test_a_malformed_key_or_signature_does_not_verify_and_does_not_raise() -> None:
    assert not check_ed25519(b"short", bytes(64), b"")
    assert not check_ed25519(signer().public_key, b"short", b"")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "body\n",
        "body\n\n",
        "body\n\n— name\n",
        "body\n\n— name AAAA\n",
        "body\n\n- name x08go/ZJ\n",
        "body\n\n— name x08go/ZJ",
        "body\n\n— name not!base64\n",
    ],
)
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(MalformedNote):
        parse_note(text)


@pytest.mark.parametrize(
    "body",
    ["", "origin\n1\n", "origin\n01\nAAAA\n", "origin\n-1\nAAAA\n", "\n1\nAAAA\n", "origin\n1\nAAAA\n"],
)
def test_what_is_no_checkpoint_is_refused(body: str) -> None:
    with pytest.raises(MalformedNote):
        parse_checkpoint(body)


@pytest.mark.parametrize(
    "key",
    ["", "name", "name+c74f20a3", KEY.replace("c74f20a3", "c74f20a4"), KEY[:-4], KEY.replace("Peter", "P")],
)
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(MalformedNote):
        parse_key(key)


def test_a_proof_reads_as_it_was_written() -> None:
    checkpoint = str(sign(Checkpoint("example.com/log", 3, bytes(32)).body, [signer()]))
    proof = LedgerProof(2, (b"\1" * 32, b"\2" * 32), checkpoint)
    with_extra = str(proof).replace("\nindex", "\nextra AAAA\nindex", 1)

    assert parse_proof(str(proof)) == parse_proof(with_extra) == proof
    assert str(proof).startswith("c2sp.org/tlog-proof@v1\nindex 2\nAQEB")
    assert isinstance(parse_note(proof.checkpoint), SignedNote)
    assert parse_proof(str(LedgerProof(0, (), checkpoint))).hashes == ()


@pytest.mark.parametrize(
    "text", ["", "c2sp.org/tlog-proof@v1\n\n", "c2sp.org/tlog-proof@v1\nindex x\n\nnote"]
)
def test_what_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(MalformedNote):
        parse_proof(text)
