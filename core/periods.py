"""A stretch of days that an address asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from django.utils import timezone

YEARS = range(1970, 9000)  # far from what a clock's zone cannot add up


@dataclass(frozen=True)
class Period:
    """Days from `first` to `last`, both within it, on the clocks of the active zone.

    None is open. `problems` says, by name, what could not be read.
    """

    first: date | None = None
    last: date | None = None
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def begins_at(self) -> datetime | None:
        return _midnight(self.first) if self.first else None

    @property
    def ends_before(self) -> datetime | None:
        return _midnight(self.last + timedelta(days=1)) if self.last else None

    @property
    def query(self) -> dict[str, str]:
        """Return what an address says to ask for the same."""
        days = {"from": self.first, "to": self.last}
        return {name: day.isoformat() for name, day in days.items() if day}

    def __bool__(self) -> bool:
        return bool(self.first or self.last)


def period_of(query: Mapping[str, str]) -> Period:
    """Read `from` and `to`, days such as 2026-11-22."""
    problems: dict[str, str] = {}
    first, last = _day(query, "from", problems), _day(query, "to", problems)
    if first and last and last < first:
        problems["to"] = "The period ends before it begins."
    return Period(first, last, problems)


def _day(query: Mapping[str, str], name: str, problems: dict[str, str]) -> date | None:
    text = query.get(name, "").strip()
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.year not in YEARS:
        problems[name] = f"“{text[:20]}” is no date, such as 2026-11-22."
        return None
    return day


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=timezone.get_current_timezone())
