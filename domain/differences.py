"""Where two JSON values differ, as JSON pointers (RFC 6901)."""

from collections.abc import Iterator

from domain.identifiers import Json


def differences(held: Json, asked: Json, pointer: str = "") -> Iterator[str]:
    """A pointer to each smallest part that is not the same on both sides; types count, so 1 is not true."""
    if isinstance(held, dict) and isinstance(asked, dict):
        for name in sorted(held.keys() | asked.keys()):
            place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            if name in held and name in asked:
                yield from differences(held[name], asked[name], place)
            else:
                yield place
    elif isinstance(held, list) and isinstance(asked, list) and len(held) == len(asked):
        for index, (one, other) in enumerate(zip(held, asked, strict=True)):
            yield from differences(one, other, f"{pointer}/{index}")
    elif held != asked or isinstance(held, bool) is not isinstance(asked, bool):
        yield pointer
