"""What keeping webhook endpoints promises."""

from datetime import timedelta

from domain.identifiers import UserId
from domain.ports.webhooks import FeedCursor
from domain.webhooks import Endpoint, EndpointId
from tests.builders import NOW, new_id
from tests.fakes.ports import Ports

ME, OTHER = UserId("user-1"), UserId("user-2")


def endpoint(user_id: UserId = ME, **rest: object) -> Endpoint:
    made = Endpoint(
        id=EndpointId(new_id()),
        user_id=user_id,
        url="https://example.org/hook",
        event_types=("JobCompleted",),
        description='for "them"',
        secret=b"\x00\xffsecret",
        after_position=7,
        created_at=NOW,
    )
    return made._replace(**rest)  # type: ignore[arg-type]  # a test's shorthand


async def test_an_endpoint_comes_back_as_it_was_given(ports: Ports) -> None:
    mine = endpoint(previous_secret=b"old", previous_until=NOW + timedelta(days=1))
    await ports.endpoints.add(mine)

    assert await ports.endpoints.get(mine.id) == mine
    assert await ports.endpoints.get(EndpointId(new_id())) is None


async def test_a_users_endpoints_are_listed_the_oldest_first(ports: Ports) -> None:
    first, second, other = endpoint(), endpoint(), endpoint(OTHER)
    for each in (other, second, first):
        await ports.endpoints.add(each)

    assert await ports.endpoints.of_user(ME) == [first, second]


async def test_of_two_who_change_an_endpoint_at_once_one_loses(ports: Ports) -> None:
    mine = endpoint()
    await ports.endpoints.add(mine)
    changed = mine._replace(url="https://example.org/other").rotated(b"new", at=NOW)

    assert await ports.endpoints.replace(changed)
    assert not await ports.endpoints.replace(mine.disabled("too late"))
    assert await ports.endpoints.get(mine.id) == changed._replace(version=2)


async def test_only_enabled_endpoints_of_the_users_asked_for_listen(ports: Ports) -> None:
    mine, disabled, other = endpoint(), endpoint().disabled("enough"), endpoint(OTHER)
    for each in (mine, disabled, other):
        await ports.endpoints.add(each)

    assert await ports.endpoints.listening({ME}) == [mine]
    assert await ports.endpoints.listening(set()) == []


async def test_a_removed_endpoint_is_gone(ports: Ports) -> None:
    mine = endpoint()
    await ports.endpoints.add(mine)
    await ports.endpoints.remove(mine.id)

    assert await ports.endpoints.get(mine.id) is None
    assert await ports.endpoints.listening({ME}) == []


async def test_the_cursor_moves_only_from_where_it_is(ports: Ports) -> None:
    assert await ports.endpoints.cursor() == FeedCursor(0, is_heard=False)
    await ports.endpoints.add(endpoint())

    assert await ports.endpoints.advance(after=0, to=5)
    assert not await ports.endpoints.advance(after=0, to=9)
    assert await ports.endpoints.cursor() == FeedCursor(5, is_heard=True)
