"""The ledger's keys: made once, replaced with overlap, and never shown."""

import base64
from pathlib import Path

import pytest

from adapters.ed25519 import Ed25519Signer
from adapters.signing_keys import FiledKeys, GivenKeys
from domain.errors import InvalidSettings

NAME = "jobledger.test/log"


def public_keys(keys: FiledKeys | GivenKeys) -> list[bytes]:
    return [signer.public_key for signer in keys.signers(NAME)]


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    first = public_keys(FiledKeys(tmp_path / "keys"))

    assert public_keys(FiledKeys(tmp_path / "keys")) == first
    assert len(first) == 1
    assert (tmp_path / "keys" / "ledger.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["ledger.key"]


def test_while_a_key_is_replaced_both_sign_the_new_one_first(tmp_path: Path) -> None:
    keys = FiledKeys(tmp_path)
    (old,) = public_keys(keys)
    new, beside = [signer.public_key for signer in keys.signers_to_be(NAME)]
    before = public_keys(keys)
    keys.begin_rotation()
    meanwhile = public_keys(keys)
    keys.end_rotation()

    assert before == [old]
    assert meanwhile == [new, beside] == [new, old]
    assert public_keys(keys) == [new]


def test_a_second_replacement_waits_for_the_first(tmp_path: Path) -> None:
    keys = FiledKeys(tmp_path)
    keys.signers_to_be(NAME)
    keys.begin_rotation()

    with pytest.raises(InvalidSettings, match="being replaced already"):
        keys.signers_to_be(NAME)


def test_an_interrupted_replacement_goes_on_with_the_same_key(tmp_path: Path) -> None:
    keys = FiledKeys(tmp_path)
    announced = [signer.public_key for signer in keys.signers_to_be(NAME)]

    assert [signer.public_key for signer in FiledKeys(tmp_path).signers_to_be(NAME)] == announced


def test_given_keys_are_seeds_in_base64() -> None:
    texts = [base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2)]

    assert public_keys(GivenKeys(texts)) == [Ed25519Signer("", bytes([n]) * 32).public_key for n in (1, 2)]


@pytest.mark.parametrize("text", ["", "secret", "AAAA", base64.b64encode(b"1" * 31).decode()])
def test_what_is_no_key_is_refused_without_being_shown(text: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="32 random bytes") as refused:
        GivenKeys([text])
    assert not text or text not in str(refused.value)

    (tmp_path / "ledger.key").write_text(text)
    with pytest.raises(InvalidSettings, match="32 random bytes"):
        FiledKeys(tmp_path).signers(NAME)
