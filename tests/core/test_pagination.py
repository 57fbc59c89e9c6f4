from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import User
from core.pagination import KeyPage, paginate
from tests.builders import make_user

pytestmark = pytest.mark.django_db

START = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def people() -> list[User]:
    """Seven people; those with the same number joined at the same moment."""
    users = [make_user(f"user{number}") for number in range(7)]
    for number, user in enumerate(users):
        User.objects.filter(pk=user.pk).update(date_joined=START + timedelta(hours=number // 3))
    return users


def names(page: KeyPage[User]) -> list[str]:
    return [user.username for user in page.rows]


@pytest.mark.parametrize("by", ["id", "-id", "date_joined", "-date_joined", "username"])
def test_every_row_is_on_exactly_one_page(people: list[User], by: str) -> None:
    seen, cursor = [], ""
    for _ in range(4):
        page = paginate(User.objects.all(), cursor=cursor, by=by, size=2)
        seen += names(page)
        cursor = page.next_cursor

    expected = sorted(user.username for user in people)
    assert seen == (expected[::-1] if by.startswith("-") else expected)
    assert cursor == ""


@pytest.mark.parametrize("by", ["id", "-date_joined"])
def test_the_way_back_shows_the_same_pages(people: list[User], by: str) -> None:
    rows = User.objects.all()
    first = paginate(rows, by=by, size=3)
    second = paginate(rows, by=by, size=3, cursor=first.next_cursor)
    third = paginate(rows, by=by, size=3, cursor=second.next_cursor)

    back = paginate(rows, by=by, size=3, cursor=third.previous_cursor)
    start = paginate(rows, by=by, size=3, cursor=back.previous_cursor)

    assert (names(back), back.next_cursor) == (names(second), second.next_cursor)
    assert (names(start), start.previous_cursor) == (names(first), "")


def test_a_new_row_shifts_nothing(people: list[User]) -> None:
    first = paginate(User.objects.all(), size=2)
    make_user("newest")

    second = paginate(User.objects.all(), size=2, cursor=first.next_cursor)

    assert names(second) == ["user4", "user3"]


@pytest.mark.parametrize(
    "cursor",
    [
        "next~0001-01-01T00:00:00+23:59~00000000-0000-7000-8000-000000000000",
        "next~9999-12-31T23:59:59-23:59~00000000-0000-7000-8000-000000000000",
        "x",
        "next",
        "next~",
        "next~yesterday~1",
        "sideways~2026-11-21T00:00:00Z~0",
        "next~2026-11-21T00:00:00~01930000-0000-7000-8000-000000000000",
        "next~2026-13-41T00:00:00Z~01930000-0000-7000-8000-000000000000",
        "next~2026-11-21T00:00:00Z~1' OR 1=1",
        "next~\x00~\x00",
    ],
)
def test_a_cursor_that_makes_no_sense_gives_the_first_page(people: list[User], cursor: str) -> None:
    page = paginate(User.objects.all(), by="-date_joined", size=2, cursor=cursor)

    assert names(page) == ["user6", "user5"]


def test_a_cursor_can_be_read(people: list[User]) -> None:
    page = paginate(User.objects.all(), by="-date_joined", size=1)

    assert page.next_cursor == f"next~2026-11-21T02:00:00Z~{people[6].pk}"


def test_an_empty_list_has_no_neighbours() -> None:
    assert paginate(User.objects.all()) == KeyPage(rows=[], next_cursor="", previous_cursor="")
