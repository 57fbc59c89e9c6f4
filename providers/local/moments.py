"""Moments, zones and wall clocks for the rules. Everything inside is aware UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

FIRST_YEAR, LAST_YEAR = 1900, 9000  # further out, adding an offset or a span may overflow


def zone_of(name: Any) -> tuple[tzinfo, str]:
    """Return the zone called `name` and the name to show; UTC where there is no such zone."""
    if not isinstance(name, str) or not name.strip():
        return UTC, "UTC"
    try:
        return ZoneInfo(name.strip()), name.strip()
    except (KeyError, ValueError, OSError):  # OSError: a directory of the tz database
        return UTC, "UTC"


def is_date(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        date.fromisoformat(value.strip())
    except ValueError:
        return False
    return True


def moment_of(value: Any, zone: tzinfo) -> datetime | None:
    """Return the moment in UTC, or None for anything that is not one.

    Without an offset it is wall-clock time in `zone`; a date alone is the first instant of it.
    """
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    if not FIRST_YEAR <= parsed.year <= LAST_YEAR:
        return None
    if parsed.tzinfo is None:
        return at_wall(parsed, zone)
    return parsed.astimezone(UTC)


def end_of(value: Any, zone: tzinfo) -> datetime | None:
    """Return the moment, or for a date alone the end of that day in `zone`."""
    moment = moment_of(value, zone)
    if moment is None or not is_date(value):
        return moment
    return midnight_after(moment.astimezone(zone).date(), zone)


def midnight_after(day: date, zone: tzinfo) -> datetime:
    return at_wall(datetime.combine(day + timedelta(days=1), time.min), zone)


def at_wall(wall: datetime, zone: tzinfo) -> datetime:
    """Return the instant at which clocks in `zone` first show `wall` (naive).

    A wall time that the clocks skip stands for the first instant after the gap.
    """
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if second >= first:  # no gap; in a fold `first` is the first pass
        return first
    before = offset_at(second, zone)
    while first - second > timedelta(seconds=1):
        middle = second + (first - second) / 2
        if offset_at(middle, zone) == before:
            second = middle
        else:
            first = middle
    return first.replace(microsecond=0)


def offset_at(moment: datetime, zone: tzinfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def iso(moment: datetime, zone: tzinfo) -> str:
    return moment.astimezone(zone).isoformat(timespec="seconds")


def clock(moment: datetime, zone: tzinfo) -> str:
    return moment.astimezone(zone).strftime("%H:%M")


def day_name(moment: datetime, zone: tzinfo) -> str:
    local = moment.astimezone(zone)
    return f"{local:%A} {local.day} {local:%B}"


def span_words(span: timedelta) -> str:
    """Return a length of time in words, in its largest fitting unit: “2 days”, “45 minutes”."""
    minutes = round(abs(span).total_seconds() / 60)
    for size, unit in ((1440, "day"), (60, "hour")):
        if minutes >= 2 * size or minutes == size:
            amount = round(minutes / size)
            return f"{amount} {unit}{'' if amount == 1 else 's'}"
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
