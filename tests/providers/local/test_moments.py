from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from providers.local.moments import at_wall, end_of, is_date, moment_of, span_words, zone_of


@pytest.mark.parametrize(
    ("zone", "wall", "instant"),
    [
        ("Europe/Berlin", "2026-03-29T01:59", "2026-03-29T00:59Z"),
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00Z"),  # skipped: the gap's end
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30Z"),  # twice: the first pass
        ("America/New_York", "2026-03-08T02:00", "2026-03-08T07:00Z"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30Z"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30Z"),
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45Z"),
        ("America/Santiago", "2026-09-06T00:00", "2026-09-06T04:00Z"),  # no midnight that day
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00Z"),  # no such day at all
        ("Asia/Kolkata", "2026-03-29T02:30", "2026-03-28T21:00Z"),
    ],
)
def test_a_wall_time_is_its_first_instant_or_the_first_after_a_gap(
    zone: str, wall: str, instant: str
) -> None:
    found = at_wall(datetime.fromisoformat(wall), ZoneInfo(zone))

    assert found == datetime.fromisoformat(instant)


def test_moments_with_and_without_an_offset_are_read() -> None:
    berlin = ZoneInfo("Europe/Berlin")

    assert moment_of("2026-07-01T12:00:00", berlin) == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert moment_of("2026-07-01T12:00:00Z", berlin) == datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert moment_of("2026-07-01", berlin) == datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert end_of("2026-07-01", berlin) == datetime(2026, 7, 1, 22, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, "", "soon", 7, "0001-01-01T00:00:00+14:00", "9999-12-31"])
def test_what_is_no_moment_is_none(value: object) -> None:
    assert moment_of(value, UTC) is None


def test_dates_and_moments_are_told_apart() -> None:
    assert is_date("2026-07-01")
    assert not is_date("2026-07-01 10")
    assert not is_date("2026-07-01T10:00")


@pytest.mark.parametrize("name", ["Nowhere/None", "", None, "Europe", "../etc/passwd", "a\x00b"])
def test_an_unknown_zone_is_utc(name: object) -> None:
    assert zone_of(name) == (UTC, "UTC")


def test_spans_are_told_in_their_largest_fitting_unit() -> None:
    spans = [timedelta(minutes=1), timedelta(minutes=90), timedelta(hours=5), timedelta(days=3)]

    assert [span_words(span) for span in spans] == ["1 minute", "90 minutes", "5 hours", "3 days"]
