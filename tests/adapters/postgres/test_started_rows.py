"""What is remembered of one started job for the next."""

from datetime import UTC, datetime

import orjson

from adapters.postgres import started_rows
from domain.identifiers import WorkerId
from tests.builders import new_id

AT = datetime(2026, 1, 1, tzinfo=UTC)


def row(details: dict[str, object]) -> tuple[object, ...]:
    text = orjson.dumps({"max_attempts": 3, "max_lost_attempts": 5} | details).decode()
    asked: tuple[object, ...] = (0, "user-1", "sample_task", None, None, [], None, None)
    return (1, 1, new_id(), AT, None, *asked, AT, 2, 1, None, None, text)


def test_long_parameters_are_read_and_not_remembered() -> None:
    before = started_rows._remembered.cache_info().currsize
    views = [
        started_rows.decode(row({"job_parameters_text": f'"{number:05}{"x" * 9000}"'}), WorkerId("w"))
        for number in range(20)
    ]

    assert {len(str(view.job_parameters)) for view in views} == {9005}
    assert started_rows._remembered.cache_info().currsize == before
