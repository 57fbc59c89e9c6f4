from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from providers.pricing import RateCard, flat
from providers.versions import Version, in_force, missing

NOW = datetime(2026, 11, 21, tzinfo=UTC)
DAY = timedelta(days=1)


def card(price: int) -> RateCard:
    return flat(Decimal(price), Decimal(price))


OLD, NEW, THIRD = card(1), card(2), card(3)


def test_first_versions_hold_from_the_days_they_state() -> None:
    wanted = [Version(NOW - 30 * DAY, OLD), Version(NOW + DAY, NEW)]

    assert missing([], wanted, now=NOW) == wanted


def test_nothing_is_missing_when_nothing_changed() -> None:
    stored = [Version(NOW - 30 * DAY, OLD), Version(NOW + DAY, NEW)]

    assert missing(stored, [Version(NOW - 9 * DAY, OLD), stored[1]], now=NOW) == []


def test_a_changed_price_holds_from_now_not_from_before() -> None:
    stored = [Version(NOW - 30 * DAY, OLD)]

    assert missing(stored, [Version(NOW - 9 * DAY, NEW)], now=NOW) == [Version(NOW, NEW)]


def test_an_announced_price_is_added_for_its_day() -> None:
    stored = [Version(NOW - DAY, OLD)]
    wanted = [Version(NOW - DAY, OLD), Version(NOW + DAY, NEW)]

    assert missing(stored, wanted, now=NOW) == [Version(NOW + DAY, NEW)]


def test_an_announcement_changed_before_it_came_is_overruled() -> None:
    stored = [Version(NOW - DAY, OLD), Version(NOW + DAY, NEW)]
    wanted = [Version(NOW - DAY, OLD), Version(NOW + DAY, THIRD)]

    added = missing(stored, wanted, now=NOW)

    assert added == [Version(NOW + DAY + timedelta(seconds=1), THIRD)]


def test_an_announcement_taken_back_is_overruled() -> None:
    stored = [Version(NOW - DAY, OLD), Version(NOW + DAY, NEW)]

    added = missing(stored, [Version(NOW - DAY, OLD)], now=NOW)

    assert in_force([*stored, *added], NOW + 2 * DAY).card == OLD


def test_a_model_without_a_listed_price_keeps_its_versions() -> None:
    assert missing([Version(NOW, OLD)], [], now=NOW) == []


def test_before_the_first_version_that_one_holds() -> None:
    assert in_force([Version(NOW, OLD), Version(NOW + DAY, NEW)], NOW - DAY).card == OLD
