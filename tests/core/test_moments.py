from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core import moments

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)  # 23:30 in Berlin


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (timedelta(seconds=59), "in under a minute"),
        (timedelta(seconds=-59), "just now"),
        (timedelta(minutes=1), "in 1 minute"),
        (timedelta(minutes=4, seconds=40), "in 4 minutes"),
        (timedelta(minutes=-59), "59 minutes ago"),
        (timedelta(hours=1), "in 1 hour"),
        (timedelta(hours=-23, minutes=-59), "23 hours ago"),
        (timedelta(hours=24), "tomorrow"),
        (timedelta(hours=24, minutes=31), "in 2 days"),  # past the next midnight but one in Berlin
        (timedelta(hours=-24), "yesterday"),
        (timedelta(days=30), "in 30 days"),
        (timedelta(days=31), "23 Dec"),
        (timedelta(days=-400), "19 Oct 2025"),  # 00:30 by summer time
    ],
)
def test_a_moment_is_told_by_its_distance(away: timedelta, words: str) -> None:
    assert moments.distance(NOW + away, NOW, BERLIN) == words


def test_a_clock_shows_the_zones_own_day() -> None:
    assert moments.clock(NOW + timedelta(hours=2), NOW, BERLIN) == "Mon 23 Nov, 01:30"


def test_a_foreign_year_is_named() -> None:
    at = datetime(2027, 1, 1, 6, tzinfo=UTC)

    assert moments.clock(at, NOW, BERLIN) == "Fri 1 Jan 2027, 07:00"


def test_the_year_is_compared_on_the_zones_calendar() -> None:
    eve = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)  # 2027 already in Berlin

    assert moments.date(eve, NOW, BERLIN) == "1 Jan 2027"


def test_the_tooltip_names_the_zone() -> None:
    assert moments.exact(NOW, BERLIN) == "Sun 22 Nov 2026, 23:30:00 Europe/Berlin"
