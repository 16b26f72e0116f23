"""What the short way for jobs without details must not lose."""

import json
from datetime import UTC, datetime

import pytest

from adapters.postgres import view_codec
from domain.events import RecordedEvent
from domain.views import project
from tests.builders import submission


@pytest.mark.parametrize("name", ["on_behalf_of", "unique_key", "group_key"])
@pytest.mark.parametrize("text", ["", "x"])
def test_a_text_of_a_job_is_kept_also_when_it_is_empty(name: str, text: str) -> None:
    change = submission(**{name: text})
    at = datetime(2026, 1, 1, tzinfo=UTC)
    view = project(None, RecordedEvent(change.job_id, 1, change.event, change.provenance, at))

    assert json.loads(view_codec.encode(view).details)[name] == text
