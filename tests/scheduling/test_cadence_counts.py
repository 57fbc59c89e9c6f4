"""Fires counted as bits are the fires that walking finds."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scheduling import cadence
from scheduling.cadence import Gap, InvalidCron, Overlap, counts_after, next_after
from tests.scheduling.test_cadence import EXPRESSIONS, MOMENTS, ZONES

EVERY_MINUTE = "* * * * *"
CHANGES = [  # hours before the clocks change, and one before a day is left out
    ("Europe/Berlin", "2027-03-27 13:20"),
    ("Europe/Berlin", "2027-10-30 13:20"),
    ("America/St_Johns", "2027-11-06 20:05"),
    ("Australia/Lord_Howe", "2027-04-03 09:00"),
    ("America/Santiago", "2027-09-04 12:00"),
    ("Pacific/Apia", "2011-12-29 23:10"),
    ("Pacific/Chatham", "2026-11-21 10:03"),
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def walked(
    expression: str, zone: str, after: datetime, parts: int, minutes: int, **policy: str
) -> list[int]:
    """Count by going from fire to fire, as the engine does."""
    start = after.replace(second=0, microsecond=0)
    counts = [0] * parts
    fire = next_after(expression, zone, start, **policy)  # type: ignore[arg-type]
    while fire and fire <= start + timedelta(minutes=parts * minutes):
        counts[(fire - start - timedelta(seconds=1)) // timedelta(minutes=minutes)] += 1
        fire = next_after(expression, zone, fire, **policy)  # type: ignore[arg-type]
    return counts


@pytest.mark.parametrize(("zone", "after"), CHANGES)
@pytest.mark.parametrize(
    "expression", [EVERY_MINUTE, "*/7 * * * *", "15,45 0-3 * * *", "30 2 * * *", "0 0 * * SUN"]
)
@pytest.mark.parametrize("gap", get_args(Gap))
@pytest.mark.parametrize("overlap", get_args(Overlap))
def test_counts_around_clock_changes(
    zone: str, after: str, expression: str, gap: Gap, overlap: Overlap
) -> None:
    policy = {"gap": gap, "overlap": overlap}

    counted = counts_after(expression, zone, utc(after), parts=48, minutes=30, **policy)  # type: ignore[arg-type]

    assert counted == walked(expression, zone, utc(after), 48, 30, **policy)


@given(EXPRESSIONS, ZONES, MOMENTS, st.sampled_from([(24, 60), (48, 30), (1, 3_000)]))
def test_counts_are_those_of_a_walk(
    expression: str, zone: str, after: datetime, size: tuple[int, int]
) -> None:
    parts, minutes = size
    try:
        counted = counts_after(expression, zone, after, parts=parts, minutes=minutes)
    except InvalidCron:
        assume(False)  # noqa: FBT003

    assert counted == walked(expression, zone, after, parts, minutes)


def test_a_fire_at_this_very_minute_is_not_to_come() -> None:
    at_noon = counts_after("0 12 * * *", "UTC", utc("2026-11-21 12:00"), parts=2, minutes=720)
    before = counts_after("0 12 * * *", "UTC", utc("2026-11-21 11:59:59"), parts=2, minutes=720)

    assert at_noon == [0, 1]
    assert before == [1, 0]


def test_a_bad_expression_is_refused() -> None:
    with pytest.raises(InvalidCron, match="minute"):
        counts_after("60 * * * *", "UTC", utc("2026-11-21 12:00"), parts=1, minutes=60)


def test_a_thousand_expressions_that_fire_each_minute_are_counted_at_once() -> None:
    """Walking takes 20 µs a fire: half a minute for these 1.44 million."""
    expressions = [f"* * * * {day}" for day in ("*", "0-6", "1-7")]
    zones = ["Europe/Berlin", "Asia/Tokyo", "UTC"]
    cadence._fire_bits.cache_clear()
    started_s = time.process_time()

    total = sum(
        sum(counts_after(expression, zone, utc("2026-11-21 12:00"), parts=48, minutes=30))
        for _ in range(112)
        for expression in expressions
        for zone in zones
    )

    assert total == 1_440 * 112 * 9
    assert time.process_time() - started_s < 0.5
