"""Cron expressions and clock changes in words, for people who check what they have typed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from itertools import takewhile
from zoneinfo import ZoneInfo

from scheduling.cadence import Cron, Gap, Overlap, normalise, parse

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
ORDINALS = ["first", "second", "third", "fourth", "fifth"]
MOST_LISTED = 8  # of a longer list only the beginning and the end are read
LOOK_AHEAD = timedelta(days=400)  # clocks that change do so every year

_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


def words(expression: str) -> str:
    """Return what the expression says: “At 06:00, on Monday to Friday”. Raises `InvalidCron`."""
    return _words(normalise(expression))


@lru_cache(maxsize=1024)
def _words(text: str) -> str:
    # The library tells times well, but takes days for alternatives where we ask for both.
    from cron_descriptor import (  # type: ignore[import-untyped]  # it has no types
        Options,
        get_description,
    )

    minute, hour = text.split(" ")[:2]
    cron = parse(text)
    if _starts_over(minute, 60) or _starts_over(hour, 24):
        times = _times(cron)
    else:
        options = Options(use_24hour_time_format=True, locale_code="en_US")
        times = get_description(f"{minute} {hour} * * *", options)
        times = times.replace("At 0 minutes past the hour, between", "Every hour, between")
    days, months = _days(cron), _months(cron)
    if not days and re.match(r"At \d\d:\d\d", times):  # what says “every” already needs no more
        days = "every day"
    return ", ".join(filter(None, [times, days, months]))


def _starts_over(field: str, span: int) -> bool:
    """Tell whether a step does not go into `span`: then “every 7 minutes” would not be true."""
    return any(span % int(step) for step in re.findall(r"/(\d+)", field))


def _times(cron: Cron) -> str:
    """Return the times themselves: “At minutes 0, 7, 14 … 56 of every hour”."""
    minutes = sorted({minute % 60 for minute in cron.minutes})
    hours = sorted({minute // 60 for minute in cron.minutes})
    if len(minutes) == 1 and len(hours) < 24:
        return f"At {_listed(f'{hour:02}:{minutes[0]:02}' for hour in hours)}"
    if len(minutes) == 60:
        times = "Every minute"
    else:
        told = _listed(map(str, minutes), most=4)
        times = f"At minute{'s' if len(minutes) > 1 else ''} {told}"
    if len(hours) == 24:
        return f"{times} of every hour"
    return f"{times} of hour{'s' if len(hours) > 1 else ''} {_listed(_runs(hours))}"


def _days(cron: Cron) -> str:
    in_month, in_week = _days_of_month(cron), _days_of_week(cron)
    if in_month and in_week:
        joint = ", if that is also " if cron.needs_both_days else " or "
        return f"on {in_month}{joint}{'' if cron.needs_both_days else 'on '}{in_week}"
    return f"on {in_month or in_week}" if in_month or in_week else ""


def _days_of_month(cron: Cron) -> str:
    if len(cron.days) == 31:
        return ""
    days = _runs(sorted(cron.days))
    told = [f"day {_listed(days)} of the month"] if days else []
    return _listed(told + ["the last day of the month"] * cron.has_last_day)


def _days_of_week(cron: Cron) -> str:
    if len(cron.weekdays) == len(WEEKDAYS):
        return ""
    from_monday = sorted(cron.weekdays, key=lambda day: (day - 1) % 7)
    told = _runs([(day - 1) % 7 for day in from_monday], WEEKDAYS[1:] + WEEKDAYS[:1])
    told += [
        f"the {ORDINALS[nth - 1]} {WEEKDAYS[day]} of the month"
        for day, nth in sorted(cron.nth_weekdays)
    ]
    return _listed(told)


def _months(cron: Cron) -> str:
    if len(cron.months) == len(MONTHS):
        return ""
    return f"in {_listed(_runs([month - 1 for month in sorted(cron.months)], MONTHS))}"


def _runs(values: list[int], names: list[str] | None = None) -> list[str]:
    """Return ascending `values` with three or more in a row as “first to last”."""
    told: list[str] = []
    while values:
        end = 1
        while end < len(values) and values[end] == values[0] + end:
            end += 1
        run, values = values[:end], values[end:]
        labels = [names[value] if names else str(value) for value in run]
        told += [f"{labels[0]} to {labels[-1]}"] if end > 2 else labels
    return told


def _listed(items: Iterable[str], most: int = MOST_LISTED) -> str:
    *rest, last = [*items] or [""]
    if len(rest) > most:
        return f"{', '.join(rest[:3])} … {last}"
    return f"{', '.join(rest)} and {last}" if rest else last


@dataclass(frozen=True, slots=True)
class ClockChange:
    """The instant at which a zone's clocks change, and its offsets from UTC on both sides."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def start(self) -> datetime:
        """Return the first wall time left out, or shown twice."""
        return (self.at + min(self.before, self.after)).replace(tzinfo=None)

    @property
    def end(self) -> datetime:
        return (self.at + max(self.before, self.after)).replace(tzinfo=None)

    def words(self, expression: str, *, gap: Gap, overlap: Overlap) -> str:
        """Return what happens to the clocks and to the fires of `expression`."""
        cron = parse(expression)
        count = _count_between(cron, self.start, self.end)
        start, end = f"{self.start:%H:%M}", f"{self.end:%H:%M}"
        if self.after > self.before:
            told = f"On {_date(self.start)} clocks go forward from {start} to {end}: "
            return told + _in_gap(cron, count, gap, end)
        told = f"On {_date(self.end)} clocks go back from {end} to {start}: "
        return told + _in_fold(cron, count, overlap)


def _date(wall: datetime) -> str:
    """Return a day as pages write it, always with its year: “Sun 28 Mar 2027”."""
    return f"{wall:%a} {wall.day} {wall:%b %Y}"


def _in_gap(cron: Cron, count: int, gap: Gap, end: str) -> str:
    if not count:
        return "nothing is due in between."
    if not cron.is_fixed_time:
        return "what follows the clock is left out in between."
    if gap == "skip":
        return "what is due in between is left out."
    return f"what is due in between fires once, at {end}."


def _in_fold(cron: Cron, count: int, overlap: Overlap) -> str:
    if not count:
        return "nothing is due in the time that comes twice."
    if cron.is_fixed_time and overlap == "first":
        return "what is due in the time that comes twice fires the first time only."
    return "what is due in the time that comes twice fires both times."


def _count_between(cron: Cron, start: datetime, end: datetime) -> int:
    """Return how many wall times of `cron` lie in [start, end)."""
    days = takewhile(lambda day: day <= end.date(), cron.dates(start.date(), years=1))
    walls = (datetime.combine(day, time()) + m * _MINUTE for day in days for m in cron.minutes)
    return sum(start <= wall < end for wall in walls)


def clock_changes(zone: str, after: datetime, count: int = 2) -> list[ClockChange]:
    """Return the next clock changes of `zone`, `count` at most, within some 13 months."""
    tz = ZoneInfo(zone)
    moment = after.astimezone(UTC).replace(microsecond=0)
    until = moment + LOOK_AHEAD
    found: list[ClockChange] = []
    while moment < until and len(found) < count:
        before, later = _offset(moment, tz), _offset(moment + _DAY, tz)
        if later != before:
            found.append(ClockChange(_turn(moment, moment + _DAY, tz), before, later))
        moment += _DAY
    return found


def _turn(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """Return the first second with the offset that `high` has."""
    second = timedelta(seconds=1)
    offset = _offset(high, zone)
    while high - low > second:
        middle = low + (high - low) // (2 * second) * second
        low, high = (low, middle) if _offset(middle, zone) == offset else (middle, high)
    return high


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)
