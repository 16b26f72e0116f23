"""The pages made from the code are what the code would make of them today."""

import pytest

from docs.generate import PAGES, ROOT
from entrypoints.settings import Settings


@pytest.mark.parametrize("path", sorted(PAGES))
def test_a_generated_page_is_fresh(path: str) -> None:
    assert (ROOT / path).read_text() == PAGES[path](), "run `python -m docs.generate`"


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
