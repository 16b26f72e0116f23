"""The fast way of reading and writing JSON says what the standard library says of all that is stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.fast_json import FAST_JSON
from domain.ledger.leaves import STANDARD_JSON

# What json_text.fits lets through: no character beyond the basic plane, no surrogates, no NUL.
texts = st.text(st.characters(min_codepoint=1, max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=20)
stored = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(stored)
def test_what_is_stored_is_written_and_read_alike(value: object) -> None:
    text = STANDARD_JSON.canonical(value)

    assert FAST_JSON.canonical(value) == text
    assert FAST_JSON.loads(text.encode()) == STANDARD_JSON.loads(text.encode()) == value


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b'{"a":1}x', b'"\x01"'])
def test_what_is_no_json_is_none_to_both(text: bytes) -> None:
    for way in (FAST_JSON, STANDARD_JSON):
        with pytest.raises(ValueError, match=r"\S"):
            way.loads(text)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_no_number_is_read_that_would_be_written_as_another(number: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        FAST_JSON.loads(number.encode())


def test_integers_beyond_what_is_stored_are_not_written_at_all() -> None:
    with pytest.raises(TypeError):
        FAST_JSON.canonical([2**53])
