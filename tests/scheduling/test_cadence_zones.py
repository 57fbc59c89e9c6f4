"""`next_after` against a minute-by-minute walk, in every zone around each of its clock changes."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from scheduling.cadence import Gap, Overlap, upcoming

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
SINCE = datetime(2015, 1, 1, tzinfo=UTC)
UNTIL = datetime(2031, 1, 1, tzinfo=UTC)
# Whole days left out, and most of a day shown twice.
DATELINE = [
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ("Pacific/Kwajalein", datetime(1993, 8, 21, 12, tzinfo=UTC)),
    ("Pacific/Kwajalein", datetime(1969, 9, 30, 13, tzinfo=UTC)),
    ("America/St_Johns", datetime(2010, 11, 7, 2, 31, tzinfo=UTC)),
]


@dataclass(frozen=True)
class Change:
    """The first minute of a new offset. Zones that share it show the same times around it."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def is_gap(self) -> bool:
        return self.after > self.before

    @property
    def inside(self) -> datetime:
        """A wall time in the middle of what the clocks leave out or show twice."""
        earlier = min(self.before, self.after)
        half = abs(self.after - self.before) / 2 // MINUTE * MINUTE
        return (self.at + earlier + half).replace(tzinfo=None)


def offset_at(moment: datetime, zone: ZoneInfo) -> timedelta:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


def changes_of(zone: ZoneInfo, since: datetime, until: datetime) -> Iterator[Change]:
    step = DAY
    before = offset_at(since, zone)
    while since < until:
        after = offset_at(since + step, zone)
        if after != before:
            low, high = since, since + step
            while high - low > MINUTE:
                middle = low + (high - low) // (2 * MINUTE) * MINUTE
                low, high = (middle, high) if offset_at(middle, zone) == before else (low, middle)
            yield Change(high, before, after)
        since, before = since + step, after


def zone_file(name: str) -> bytes:
    for folder in zoneinfo.TZPATH:
        path = Path(folder, name)
        if path.is_file():
            return path.read_bytes()
    return resources.files("tzdata.zoneinfo").joinpath(name).read_bytes()


@cache
def zones() -> list[str]:
    """Return every zone of the tz database, once where several names share its contents."""
    return sorted({zone_file(name): name for name in zoneinfo.available_timezones()}.values())


@cache
def changes() -> dict[Change, list[str]]:
    """Return every change with the zones that make it."""
    found: dict[Change, list[str]] = {}
    for name in zones():
        found_here = list(changes_of(ZoneInfo(name), SINCE, UNTIL))
        assert all(later.at - earlier.at > 2 * DAY for earlier, later in pairwise(found_here))
        for change in found_here:
            found.setdefault(change, []).append(name)
    for name, moment in DATELINE:
        (change,) = changes_of(ZoneInfo(name), moment - DAY, moment + DAY)
        found[change] = [name]
    return found


@dataclass(frozen=True)
class Times:
    """An expression for every day, and what it means, said a second time."""

    expression: str
    minutes: frozenset[int]
    hours: frozenset[int]
    is_fixed: bool

    def shows(self, wall: datetime) -> bool:
        return wall.minute in self.minutes and wall.hour in self.hours


def at(hour: int, minute: int) -> Times:
    return Times(f"{minute} {hour} * * *", frozenset({minute}), frozenset({hour}), is_fixed=True)


EVERY_HOUR = frozenset(range(24))
TIMES = [
    Times("0 * * * *", frozenset({0}), EVERY_HOUR, is_fixed=False),
    Times("*/15 * * * *", frozenset({0, 15, 30, 45}), EVERY_HOUR, is_fixed=False),
    Times("*/7 1-3 * * *", frozenset(range(0, 60, 7)), frozenset({1, 2, 3}), is_fixed=False),
    Times("15,45 0-3,23 * * *", frozenset({15, 45}), frozenset({0, 1, 2, 3, 23}), is_fixed=True),
    at(2, 30),
    at(0, 0),
]


@dataclass(frozen=True)
class Walk:
    """Each minute around a moment, with what the clocks of a zone show."""

    minutes: list[datetime]
    walls: list[datetime]

    @classmethod
    def around(cls, moment: datetime, zone: str, reach: timedelta) -> Walk:
        tz = ZoneInfo(zone)
        minutes = [moment - reach + i * MINUTE for i in range(2 * reach // MINUTE)]
        return cls(minutes, [minute.astimezone(tz).replace(tzinfo=None) for minute in minutes])

    def fires(self, times: Times, gap: Gap, overlap: Overlap) -> list[datetime]:
        """Return the fires after the first minute, by looking at every minute in turn."""
        fires: list[datetime] = []
        shown: set[datetime] = set()
        last = self.walls[0]
        for minute, wall in zip(self.minutes[1:], self.walls[1:], strict=True):
            is_fire = False
            if times.shows(wall):
                is_fire = wall not in shown or not times.is_fixed or overlap == "both"
                shown.add(wall)
            if times.is_fixed and gap == "first_valid" and wall - last > MINUTE:
                left_out = [last + i * MINUTE for i in range(1, (wall - last) // MINUTE)]
                is_fire = is_fire or any(map(times.shows, left_out))
            if is_fire:
                fires.append(minute)
            last = wall
        return fires


@cache
def walk_around(change: Change) -> Walk:
    zone = changes()[change][0]
    reach = timedelta(hours=15) if abs(change.after - change.before) < DAY / 2 else 1.2 * DAY
    return Walk.around(change.at, zone, reach)


def check(walk: Walk, zones: list[str], times: Times, gap: Gap, overlap: Overlap) -> None:
    expected = walk.fires(times, gap, overlap)
    start, end = walk.minutes[0], walk.minutes[-1]
    for zone in zones:
        count = len(expected) + 1
        fires = upcoming(times.expression, zone, start, count, gap=gap, overlap=overlap)

        assert fires[:-1] == expected, (zone, start, times.expression, gap, overlap)
        assert fires[-1] > end, (zone, start, times.expression, gap, overlap)


def test_there_are_changes_of_every_kind() -> None:
    gaps = [change for change in changes() if change.is_gap]

    assert len(zones()) > 300
    assert len(gaps) > 200
    assert len(changes()) - len(gaps) > 200
    assert any(change.inside.hour == 0 for change in gaps)


@pytest.mark.slow
@pytest.mark.parametrize("times", TIMES, ids=lambda times: times.expression)
def test_agrees_with_walk_around_every_change(times: Times) -> None:
    for change, names in changes().items():
        check(walk_around(change), names[:1], times, "first_valid", "first")


@pytest.mark.slow
@pytest.mark.parametrize(("gap", "overlap"), [("first_valid", "first"), ("skip", "both")])
def test_time_inside_the_change_agrees_with_walk_in_every_zone(gap: Gap, overlap: Overlap) -> None:
    for change, names in changes().items():
        times = at(change.inside.hour, change.inside.minute)
        check(walk_around(change), names, times, gap, overlap)


@pytest.mark.slow
def test_zones_without_changes_agree_with_walk() -> None:
    changing = {name for names in changes().values() for name in names}
    moment = datetime(2027, 3, 28, 1, tzinfo=UTC)

    for name in set(zones()) - changing:
        walk = Walk.around(moment, name, timedelta(hours=6))
        for times in TIMES:
            check(walk, [name], times, "first_valid", "first")
