"""Cron arithmetic: when does an expression fire next, in a zone whose clocks may change?

Pure: values in, values out. `docs/scheduling.md` tells users these rules in their own words.
"""

from __future__ import annotations

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, get_args
from zoneinfo import ZoneInfo

Gap = Literal["first_valid", "skip"]
Overlap = Literal["first", "both"]

LONGEST_EXPRESSION = 100  # characters; whoever needs more needs two schedules
HORIZON_YEARS = 9  # 29 February comes back within eight years, even across 2100
NICKNAMES = {
    "@HOURLY": "0 * * * *",
    "@DAILY": "0 0 * * *",
    "@MIDNIGHT": "0 0 * * *",
    "@WEEKLY": "0 0 * * 0",
    "@MONTHLY": "0 0 1 * *",
    "@YEARLY": "0 0 1 1 *",
    "@ANNUALLY": "0 0 1 1 *",
}

_GAPS = get_args(Gap)
_OVERLAPS = get_args(Overlap)
_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_DAY_MINUTES = 1440


class InvalidCron(ValueError):
    """The expression or its zone cannot be used; the message names field, bad part and mend."""

    def __init__(self, field: str, part: str, mend: str) -> None:
        told = part if len(part) <= LONGEST_EXPRESSION else f"{part[:20]}…"
        quoted = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in told)
        super().__init__(f"{field}: “{quoted}” {mend}")
        self.field = field


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    span: int  # how many there are before the field starts again
    names: dict[str, int]

    def values(self, text: str) -> set[int]:
        """Return what one element stands for: `*`, `5`, `1-5`, `MON-FRI`, each also with `/2`."""
        body, slash, step = text.partition("/")
        first, dash, last = body.partition("-")
        if body == "*":
            start, end = self.low, self.high
        else:
            start = end = self.value(first, text)
            if dash:  # Sunday closes the week as well as opening it
                end = 7 if last == "SUN" and start else self.value(last, text)
            elif slash:  # 5/15 is 5-59/15, as every cron with this form has it
                end = self.high
        if end < start:
            raise InvalidCron(self.name, text, "runs backwards; write the smaller value first.")
        if not slash:
            return set(range(start, end + 1))
        if not _is_number(step) or not 1 <= int(step) <= self.span:
            raise InvalidCron(self.name, text, f"needs a step from 1 to {self.span} after “/”.")
        return set(range(start, end + 1, int(step)))

    def value(self, text: str, element: str) -> int:
        value = int(text) if _is_number(text) else self.names.get(text, -1)
        if self.low <= value <= self.high:
            return value
        problem = (
            "is out of range"
            if _is_number(text)
            else "is not understood"
            if text
            else "lacks a value"
        )
        if any(each.isdigit() and not each.isascii() for each in text):
            problem = "is not written in the plain digits 0 to 9"
        names = f" or {', '.join(self.names)}" if self.names else ""
        mend = f"use {self.low} to {self.high}{names}, joined by “,”, “-” or “/”, or “*”."
        raise InvalidCron(self.name, element, f"{problem}; {mend}")


_MONTH_NAMES = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_WEEKDAY_NAMES = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_MINUTES = _Field("minute", 0, 59, 60, {})
_HOURS = _Field("hour", 0, 23, 24, {})
_DAYS = _Field("day of month", 1, 31, 31, {})
_MONTHS = _Field("month", 1, 12, 12, {name: i for i, name in enumerate(_MONTH_NAMES, 1)})
_WEEKDAYS = _Field("day of week", 0, 7, 7, {name: i for i, name in enumerate(_WEEKDAY_NAMES)})
_FIELDS = (_MINUTES, _HOURS, _DAYS, _MONTHS, _WEEKDAYS)


@dataclass(frozen=True, slots=True, eq=False)
class Cron:
    """A parsed expression."""

    text: str
    minutes: tuple[int, ...]  # of the day, ascending
    days: frozenset[int]
    has_last_day: bool
    months: frozenset[int]
    weekdays: frozenset[int]  # Sunday is 0
    nth_weekdays: frozenset[tuple[int, int]]
    needs_both_days: bool  # day of month and day of week, rather than either
    is_fixed_time: bool

    def dates(self, start: date, *, years: int) -> Iterator[date]:
        """Yield matching dates from `start` on, up to the end of the same month `years` later."""
        first = start.day
        for index in range(start.month - 1, start.month + 12 * years):
            year, month = start.year + index // 12, index % 12 + 1
            if year >= MAXYEAR:
                return
            if month in self.months:
                weekday, length = monthrange(year, month)  # Monday is 0, so day 0 is our Sunday
                for day in range(first, length + 1):
                    if self._matches(day, length, (weekday + day) % 7):
                        yield date(year, month, day)
            first = 1

    def matches(self, day: date) -> bool:
        weekday, length = (day.weekday() + 1) % 7, monthrange(day.year, day.month)[1]
        return day.month in self.months and self._matches(day.day, length, weekday)

    def _matches(self, day: int, length: int, weekday: int) -> bool:
        in_month = day in self.days or (self.has_last_day and day == length)
        in_week = weekday in self.weekdays or (weekday, (day + 6) // 7) in self.nth_weekdays
        return (in_month and in_week) if self.needs_both_days else (in_month or in_week)


def next_after(
    expression: str,
    zone: str,
    after: datetime,
    *,
    gap: Gap = "first_valid",
    overlap: Overlap = "first",
) -> datetime | None:
    """Return the first fire strictly later than `after`, in UTC; None if none comes in nine years.

    `gap` and `overlap` rule fixed times only: what becomes of a time that the clocks leave out, and
    of one that they show twice. Fires that fall on one instant (02:15 and 02:45 in a gap that ends
    at 03:00, and 03:00 itself) are one fire. Raises `InvalidCron`.
    """
    if after.tzinfo is None:
        raise ValueError("`after` must be aware.")
    if gap not in _GAPS or overlap not in _OVERLAPS:
        raise ValueError(f"gap is one of {_GAPS}, overlap one of {_OVERLAPS}.")
    cron, tz, after = parse(expression), _load_zone(zone), after.astimezone(UTC)
    if after.year >= MAXYEAR:
        return None  # there is no next day to compute with
    today = after.astimezone(tz).date()
    if _steady_offset(today, tz) is None:
        today -= _DAY  # clocks set back across midnight show the end of yesterday again
    found: datetime | None = None
    for day in cron.dates(today, years=HORIZON_YEARS):
        offset = _steady_offset(day, tz)
        if offset is None:
            fires = _fires_on_changing_date(cron, day, tz, gap, overlap)
            index = bisect_right(fires, after)
            fire = fires[index] if index < len(fires) else None
        else:
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - offset
            index = bisect_right(cron.minutes, (after - midnight) // _MINUTE)
            fire = midnight + cron.minutes[index] * _MINUTE if index < len(cron.minutes) else None
        if found or (fire and offset is not None):
            return min(filter(None, (found, fire)))
        found = fire  # by a clock change: part of the next date may come before it
    return found


def upcoming(
    expression: str,
    zone: str,
    after: datetime,
    count: int,
    *,
    gap: Gap = "first_valid",
    overlap: Overlap = "first",
) -> list[datetime]:
    """Return the next `count` fires, or fewer where `next_after` finds no more."""
    fires: list[datetime] = []
    fire = next_after(expression, zone, after, gap=gap, overlap=overlap)
    while fire and len(fires) < count:
        fires.append(fire)
        fire = next_after(expression, zone, fire, gap=gap, overlap=overlap)
    return fires


def counts_after(
    expression: str,
    zone: str,
    after: datetime,
    *,
    parts: int,
    minutes: int,
    gap: Gap = "first_valid",
    overlap: Overlap = "first",
) -> list[int]:
    """Return how many fires fall into each of `parts` stretches of `minutes` that begin at `after`.

    Exact, and without walking from fire to fire: whole days of fires are counted as bits. A stretch
    has no fire at its first moment and has one at its last, as `next_after` has it; `after` counts
    as the minute it lies in. Raises `InvalidCron`.
    """
    start = after.astimezone(UTC).replace(second=0, microsecond=0) + _MINUTE
    day, place = start.date(), 60 * start.hour + start.minute
    days = (place + parts * minutes - 1) // _DAY_MINUTES + 1
    bits = 0
    for index in range(days):
        of_day = _fire_bits(expression, zone, day + index * _DAY, gap, overlap)
        bits |= of_day << (index * _DAY_MINUTES)
    bits >>= place
    part = (1 << minutes) - 1
    return [(bits >> (index * minutes) & part).bit_count() for index in range(parts)]


def normalise(expression: str) -> str:
    """Return the five fields, upper case and one space apart. Raises `InvalidCron`."""
    return parse(expression).text


@lru_cache(maxsize=4096)
def parse(expression: str) -> Cron:
    if len(expression) > LONGEST_EXPRESSION:
        mend = f"is longer than {LONGEST_EXPRESSION} characters; split it into two schedules."
        raise InvalidCron("expression", expression, mend)
    parts = expression.strip(" \t\r\n").replace("\t", " ").split(" ")
    texts = [part.upper() if part.isascii() else part for part in parts if part]
    if len(texts) == 1 and texts[0].startswith("@"):
        if texts[0] not in NICKNAMES:
            known = " ".join(NICKNAMES).lower()
            raise InvalidCron("expression", expression, f"is no known nickname; use {known}.")
        texts = NICKNAMES[texts[0]].split()
    if len(texts) != len(_FIELDS):
        names = ", ".join(field.name for field in _FIELDS)
        mend = f"is not five fields with spaces between: {names}."
        raise InvalidCron("expression", expression, mend)

    minutes, hours, days, months, weekdays = (text.split(",") for text in texts)
    hour_values = sorted(_union(_HOURS, hours))
    minute_values = sorted(_union(_MINUTES, minutes))
    cron = Cron(
        text=" ".join(texts),
        minutes=tuple(60 * hour + minute for hour in hour_values for minute in minute_values),
        days=_union(_DAYS, [day for day in days if day != "L"]),
        has_last_day="L" in days,
        months=_union(_MONTHS, months),
        weekdays=frozenset(
            day % 7 for day in _union(_WEEKDAYS, [day for day in weekdays if "#" not in day])
        ),
        nth_weekdays=frozenset(_nth_weekday(day) for day in weekdays if "#" in day),
        needs_both_days=days[0].startswith("*") or weekdays[0].startswith("*"),
        is_fixed_time=not (minutes[0].startswith("*") or hours[0].startswith("*")),
    )
    # Weekdays and leap days repeat every 28 years.
    if not any(cron.dates(date(2000, 1, 1), years=28)):
        month = f" in month {texts[3]}" if texts[3] != "*" else ""
        weekday = f" on day of week {texts[4]}" if texts[4] != "*" else ""
        raise InvalidCron(_DAYS.name, texts[2], f"never comes{month}{weekday}; choose another day.")
    return cron


def _union(field: _Field, elements: list[str]) -> frozenset[int]:
    return frozenset().union(*(field.values(element) for element in elements))


def _nth_weekday(element: str) -> tuple[int, int]:
    day, _, nth = element.partition("#")
    if nth not in {"1", "2", "3", "4", "5"}:
        raise InvalidCron(_WEEKDAYS.name, element, "needs a number from 1 to 5 after “#”.")
    return _WEEKDAYS.value(day, element) % 7, int(nth)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


@lru_cache(maxsize=1024)
def _load_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no name at all, a directory of zones
        raise InvalidCron(
            "time zone", name, "is not known here; use a name such as Europe/Berlin."
        ) from None


@lru_cache(maxsize=4096)
def _steady_offset(day: date, zone: ZoneInfo) -> timedelta | None:
    """Return the one offset of a date, or None if the clocks change on it or at its edges."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    offset = midnight.utcoffset()
    return offset if (midnight + _DAY).replace(fold=1).utcoffset() == offset else None


@lru_cache(maxsize=8192)  # 1,000 expressions over the dates of a day ahead; 200 bytes each
def _fire_bits(expression: str, zone: str, day: date, gap: Gap, overlap: Overlap) -> int:
    """Return the fires of a date in UTC, one bit for each of its minutes."""
    cron, tz = parse(expression), _load_zone(zone)
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    bits = 0
    for local in (day + near * _DAY for near in (-2, -1, 0, 1, 2)):
        if not cron.matches(local):
            continue
        offset = _steady_offset(local, tz)
        if offset is None:
            fires = _fires_on_changing_date(cron, local, tz, gap, overlap)
            bits |= sum({1 << (fire - start) // _MINUTE for fire in fires if fire >= start})
        else:
            midnight = datetime(local.year, local.month, local.day, tzinfo=UTC) - offset
            away = (midnight - start) // _MINUTE
            of_date = _minute_bits(cron)
            bits |= of_date << away if away >= 0 else of_date >> -away
    return bits & ((1 << _DAY_MINUTES) - 1)


@lru_cache(maxsize=4096)
def _minute_bits(cron: Cron) -> int:
    return sum(1 << minute for minute in cron.minutes)


@lru_cache(maxsize=64)  # up to 1,500 fires each, asked for one by one
def _fires_on_changing_date(
    cron: Cron, day: date, zone: ZoneInfo, gap: Gap, overlap: Overlap
) -> tuple[datetime, ...]:
    fires: set[datetime] = set()
    for minute in cron.minutes:
        wall = datetime.combine(day, time()) + minute * _MINUTE
        instants = _instants(wall, zone)
        if not instants and cron.is_fixed_time and gap == "first_valid":
            instants = [_end_of_gap(wall, zone)]
        elif cron.is_fixed_time and overlap == "first":
            instants = instants[:1]
        fires.update(instants)
    return tuple(sorted(fires))


def _instants(wall: datetime, zone: ZoneInfo) -> list[datetime]:
    """Return when the clocks show `wall`: never in a gap, twice in a fold, else once."""
    readings = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sorted(i for i in readings if i.astimezone(zone).replace(tzinfo=None) == wall)


def _end_of_gap(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant after the gap that `wall` falls into."""
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)  # read by the later offset
    after = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)  # read by the earlier one
    offset = after.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // (2 * _SECOND) * _SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after
