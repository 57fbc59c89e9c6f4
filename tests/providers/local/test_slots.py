from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from providers.local import slots

ALL_DAYS = {"start": "00:00", "end": "24:00", "days": [1, 2, 3, 4, 5, 6, 7]}


def find(**parameters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = slots.find({"duration_minutes": 60, **parameters})["slots"]
    return found


def day(date: str) -> dict[str, str]:
    return {"start": date, "end": date}


def spans(found: list[dict[str, Any]]) -> list[tuple[datetime, datetime]]:
    return sorted(
        (datetime.fromisoformat(slot["start"]), datetime.fromisoformat(slot["end"]))
        for slot in found
    )


def every_slot(**parameters: Any) -> set[str]:
    """Return all starts that can be offered, by asking with each start as the only free time."""
    return {slot["start"] for slot in find(count=1000, duration_minutes=15, **parameters)}


def test_a_free_working_day_offers_mid_morning_first() -> None:
    best = find(window=day("2026-11-23"), timezone="Europe/Berlin", count=1)[0]

    assert best["start"] == "2026-11-23T10:00:00+01:00"
    assert best["end"] == "2026-11-23T11:00:00+01:00"
    assert "mid-morning" in best["reason"]


def test_slots_are_ranked_do_not_overlap_and_are_as_many_as_asked_for() -> None:
    found = find(window={"start": "2026-11-23", "end": "2026-11-27"}, count=6)

    assert len(found) == 6
    assert [slot["score"] for slot in found] == sorted(
        (slot["score"] for slot in found), reverse=True
    )
    ordered = spans(found)
    assert all(before[1] <= after[0] for before, after in pairwise(ordered))


def test_alternatives_lie_on_different_days_first() -> None:
    found = find(window={"start": "2026-11-23", "end": "2026-11-27"}, count=3)

    assert len({slot["start"][:10] for slot in found}) == 3


def test_weekends_are_outside_working_hours_by_default() -> None:
    answer = slots.find({"duration_minutes": 30, "window": day("2026-11-21"), "count": 1})

    assert answer["slots"] == []
    assert "No time within working hours" in answer["note"]


def test_busy_times_in_other_offsets_overlapping_and_nested_are_taken_out() -> None:
    busy = [
        {"start": "2026-11-23T03:00:00-05:00", "end": "2026-11-23T05:30:00-05:00"},  # 09:00-11:30
        {"start": "2026-11-23T10:00:00Z", "end": "2026-11-23T11:00:00Z"},  # 11:00-12:00
        {"start": "2026-11-23T10:15:00Z", "end": "2026-11-23T10:30:00Z"},
        {"start": "2026-11-23T13:00:00", "end": "2026-11-23T17:00:00"},  # wall clock in Berlin
    ]

    found = find(window=day("2026-11-23"), timezone="Europe/Berlin", busy=busy, count=5)

    assert [slot["start"] for slot in found] == ["2026-11-23T12:00:00+01:00"]


def test_reversed_empty_and_unreadable_busy_times_are_ignored() -> None:
    busy = [
        {"start": "2026-11-23T17:00:00", "end": "2026-11-23T09:00:00"},
        {"start": "2026-11-23T10:30:00", "end": "2026-11-23T10:30:00"},
        {"start": "no moment", "end": "2026-11-23T17:00:00"},
    ]

    assert find(window=day("2026-11-23"), busy=busy, count=1)[0]["start"].endswith(
        "T10:00:00+00:00"
    )


@pytest.mark.parametrize("end", ["2026-11-24", "2026-11-23", None])
def test_an_all_day_entry_takes_its_day_and_no_more(end: str | None) -> None:
    busy = [{"start": "2026-11-23", "end": end}]

    found = find(
        window={"start": "2026-11-23", "end": "2026-11-24"},
        timezone="Australia/Lord_Howe",
        busy=busy,
        count=10,
    )

    assert found
    assert {slot["start"][:10] for slot in found} == {"2026-11-24"}


@pytest.mark.parametrize(
    ("zone", "date", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("Africa/Casablanca", "2026-02-15", 25),
        ("Africa/Casablanca", "2026-03-22", 23),
        ("Asia/Kolkata", "2026-03-29", 24),
    ],
)
def test_a_day_has_as_many_quarter_hours_as_the_clocks_there_give_it(
    zone: str, date: str, hours: float
) -> None:
    starts = every_slot(window=day(date), timezone=zone, working_hours=ALL_DAYS)

    assert len(starts) == hours * 4


@pytest.mark.parametrize(
    ("zone", "date", "skipped_from", "skipped_to"),
    [
        ("Europe/Berlin", "2026-03-29", "02:00", "03:00"),
        ("America/New_York", "2026-03-08", "02:00", "03:00"),
        ("Australia/Lord_Howe", "2026-10-04", "02:00", "02:30"),
        ("Africa/Casablanca", "2026-03-22", "02:00", "03:00"),
    ],
)
def test_no_slot_begins_in_or_reaches_over_an_hour_that_the_clocks_skip(
    zone: str, date: str, skipped_from: str, skipped_to: str
) -> None:
    found = find(window=day(date), timezone=zone, working_hours=ALL_DAYS, count=1000)

    assert len(found) > 20
    for start, end in spans(found):
        assert not skipped_from <= f"{start:%H:%M}" < skipped_to
        assert (
            start.utcoffset() == (end - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).utcoffset()
        )


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        ("Europe/Berlin", "2026-03-27", "2026-03-30"),
        ("America/New_York", "2026-10-30", "2026-11-02"),
        ("Australia/Lord_Howe", "2026-10-02", "2026-10-05"),
        ("Africa/Casablanca", "2026-03-20", "2026-03-23"),
        ("Asia/Kolkata", "2026-03-27", "2026-03-30"),
    ],
)
def test_working_hours_follow_the_wall_clock_across_a_change(
    zone: str, before: str, after: str
) -> None:
    hours = {"start": "09:00", "end": "10:00", "days": [1, 2, 3, 4, 5]}

    found = find(
        window={"start": before, "end": after}, timezone=zone, working_hours=hours, count=9
    )

    assert [slot["start"][:16] for slot in found] == [f"{before}T09:00", f"{after}T09:00"]


def test_working_hours_may_reach_over_midnight() -> None:
    hours = {"start": "22:00", "end": "02:00", "days": [1]}

    starts = every_slot(
        window={"start": "2026-11-23", "end": "2026-11-25"}, timezone="UTC", working_hours=hours
    )

    assert min(starts) == "2026-11-23T22:00:00+00:00"
    assert max(starts) == "2026-11-24T01:45:00+00:00"


def test_nothing_before_now_is_offered() -> None:
    found = find(window=day("2026-11-23"), now="2026-11-23T13:07:00Z", count=9)

    assert spans(found)[0][0] >= datetime(2026, 11, 23, 13, 15, tzinfo=UTC)


def test_room_to_the_neighbours_beats_standing_back_to_back() -> None:
    busy = [{"start": "2026-11-23T09:00:00", "end": "2026-11-23T10:00:00"}]

    best = find(window=day("2026-11-23"), busy=busy, count=1, duration_minutes=30)[0]

    assert best["start"] == "2026-11-23T10:30:00+00:00"
    assert "30 minutes clear" in best["reason"]


def test_a_gap_that_just_fits_is_offered_off_the_quarter_hour_and_says_it_is_squeezed() -> None:
    busy = [
        {"start": "2026-11-23T00:00:00", "end": "2026-11-23T10:05:00"},
        {"start": "2026-11-23T11:05:00", "end": "2026-11-24T00:00:00"},
    ]

    only = find(window=day("2026-11-23"), busy=busy)[0]

    assert only["start"] == "2026-11-23T10:05:00+00:00"
    assert "squeezed" in only["reason"]


def test_too_little_room_is_explained_with_the_longest_free_time() -> None:
    busy = [{"start": "2026-11-23T09:45:00", "end": "2026-11-23T17:00:00"}]

    answer = slots.find({"duration_minutes": 60, "window": day("2026-11-23"), "busy": busy})

    assert answer["slots"] == []
    assert "the longest is 45 minutes" in answer["note"]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "America/New_York"])
def test_no_slot_touches_a_busy_time_in_a_crowded_month(zone: str) -> None:
    first = datetime(2026, 3, 20, tzinfo=UTC)
    busy = [
        (first + timedelta(minutes=97 * n), first + timedelta(minutes=97 * n + 40))
        for n in range(300)
    ]

    found = find(
        window={"start": "2026-03-20", "end": "2026-04-10"},
        timezone=zone,
        working_hours=ALL_DAYS,
        duration_minutes=45,
        busy=[{"start": a.isoformat(), "end": b.isoformat()} for a, b in busy],
        count=200,
    )

    assert len(found) == 200
    for start, end in spans(found):
        assert end - start == timedelta(minutes=45)
        assert not any(a < end and start < b for a, b in busy)
