"""All or nothing, as every event store promises it; and whose an idempotency key is."""

import pytest

from domain.identifiers import UserId
from domain.ports.event_store import Appended, KeyTaken
from domain.ports.job_views import JobFilter
from tests.builders import submission
from tests.contracts.acts import cancel, submit
from tests.fakes.ports import Ports

EVERYTHING = JobFilter()


async def test_all_submissions_are_recorded_together(ports: Ports) -> None:
    changes = [submission() for _ in range(3)]
    outcomes = await ports.store.append_all(changes)
    views = await ports.views.get_many([change.job_id for change in changes])

    assert outcomes == [Appended(change, views[change.job_id].updated_at) for change in changes]
    assert (await ports.outbox.relay(limit=10, max_visible=10)).moved == 3


async def test_one_whose_key_is_taken_keeps_all_from_being_recorded(ports: Ports) -> None:
    holder = await submit(ports, unique_key="k")
    changes = [submission(), submission(unique_key="k"), submission(idempotency_key="new", fingerprint="f")]
    outcomes = await ports.store.append_all(changes)

    assert [type(outcome) for outcome in outcomes] == [Appended, KeyTaken, Appended]
    assert outcomes[1] == KeyTaken(holder)
    assert (await ports.views.newest(EVERYTHING, limit=10)).views == [holder]
    assert [await ports.store.read_stream(change.job_id) for change in changes] == [[], [], []]
    assert (await ports.outbox.relay(limit=10, max_visible=10)).moved == 1


async def test_two_that_share_a_key_keep_all_from_being_recorded(ports: Ports) -> None:
    changes = [submission(unique_key="k"), submission(unique_key="k"), submission()]
    outcomes = await ports.store.append_all(changes)
    (taken,) = [outcome for outcome in outcomes if isinstance(outcome, KeyTaken)]

    assert taken.holder.job.id in {changes[0].job_id, changes[1].job_id}
    assert (await ports.views.newest(EVERYTHING, limit=10)).views == []


async def test_only_submissions_are_all_or_nothing(ports: Ports) -> None:
    view = await cancel(ports, await submit(ports))
    change = submission()._replace(before=view)

    with pytest.raises(ValueError, match="only submissions"):
        await ports.store.append_all([change])


async def test_a_keys_job_is_found_for_its_user_only(ports: Ports) -> None:
    job = await submit(ports, idempotency_key="k", fingerprint="f", unique_key="u")
    mine, other = UserId("user-1"), UserId("user-2")

    assert await ports.store.key_holder(user_id=mine, idempotency_key="k") == job
    assert await ports.store.key_holder(user_id=other, idempotency_key="k") is None
    assert await ports.store.key_holder(user_id=mine, idempotency_key="u") is None
