"""What differs between two requests is told by pointers that can be followed."""

from typing import Any

import pytest

from domain.differences import differences


@pytest.mark.parametrize(
    ("held", "asked", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, ["/a"]),
        ({"a": 1}, {}, ["/a"]),
        ({}, {"a": None}, ["/a"]),
        ({"a": 1}, {"a": True}, ["/a"]),
        ({"a": {"b/c": [1, {"~": 2}]}}, {"a": {"b/c": [1, {"~": 3}]}}, ["/a/b~1c/1/~0"]),
        ({"a": [1, 2]}, {"a": [1]}, ["/a"]),
        ({"b": 1, "a": [0]}, {"b": 2, "a": {"0": 0}}, ["/a", "/b"]),
        (1, 1.0, []),
    ],
)
def test_each_smallest_difference_is_pointed_to(held: Any, asked: Any, expected: list[str]) -> None:
    assert list(differences(held, asked)) == expected
