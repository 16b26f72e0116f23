"""Which compute runs a job type, and how it is spelt."""

import pytest
from pydantic import ValidationError

from domain.routes import LOCAL, MODAL, Routes
from entrypoints.settings import Settings


def routes(spelt: str, monkeypatch: pytest.MonkeyPatch) -> Routes:
    monkeypatch.setenv("JOB_COMPUTE", spelt)
    return Settings(_env_file=None).routes


def test_everything_runs_here_unless_somebody_says_otherwise() -> None:
    assert not Settings(_env_file=None).routes.has_remote


def test_a_type_can_be_sent_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    found = routes("local, resize=modal", monkeypatch)

    assert (found.compute_of("resize"), found.compute_of("anything")) == (MODAL, LOCAL)
    assert found.routed_apart == ["resize"]
    assert found.has_remote


def test_a_type_can_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    found = routes("modal,sample_task=local,other=modal", monkeypatch)

    assert [found.is_remote(name) for name in ("sample_task", "other", "anything")] == [False, True, True]
    assert found.routed_apart == ["sample_task"]


@pytest.mark.parametrize("wrong", ["mars", "resize=mars", "local,resize"])
def test_a_compute_that_nobody_knows_is_refused(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="no compute"):
        routes(wrong, monkeypatch)
