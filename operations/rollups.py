"""Usage by the hour, counted in the transaction that settles a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Sum

from core import sql
from core.ids import uuid7
from operations.models import Usage

_KEY = ("owner_id", "hour", "operation", "provider", "model", "origin")
_SUMS = (
    "runs",
    "succeeded",
    "failed",
    "skipped",
    "unknown_cost",
    "cost_usd",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "latency_ms",
    "timed",
)


@dataclass(slots=True)
class Tally:
    """What one run, or one correction, adds to its hour."""

    owner_id: UUID
    at: datetime
    operation: str
    provider: str
    model: str
    origin: str
    runs: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    unknown_cost: int = 0
    cost_usd: Decimal = Decimal(0)
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    latency_ms: int = 0
    timed: int = 0


def book(tallies: Iterable[Tally]) -> None:
    """Add `tallies` to their hours in one statement, in the order of the key."""
    hours: dict[tuple[object, ...], list[Decimal | int]] = {}
    for tally in tallies:
        hour = tally.at.replace(minute=0, second=0, microsecond=0)
        key = (
            tally.owner_id,
            hour,
            tally.operation,
            tally.provider,
            tally.model,
            tally.origin,
        )
        sums = hours.setdefault(key, [0] * len(_SUMS))
        for place, name in enumerate(_SUMS):
            sums[place] += getattr(tally, name)
    if not hours:
        return
    table = sql.table(Usage)
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in _SUMS)
    sql.insert_rows(
        Usage,
        ("id", *_KEY, *_SUMS),
        [(uuid7(), *key, *hours[key]) for key in sorted(hours, key=str)],
        on_conflict=f"ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET {added}",
    )


@dataclass(frozen=True, slots=True)
class UsageDay:
    """One day in the reader's zone of one model used for one operation."""

    day: date
    operation: str
    provider: str
    model: str
    runs: int
    succeeded: int
    failed: int
    skipped: int
    cost_usd: Decimal
    latency_ms: int
    timed: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What settled since a moment. `cost_usd` leaves out `unknown_cost` runs."""

    runs: int
    succeeded: int
    failed: int
    unknown_cost: int
    cost_usd: Decimal

    @property
    def success(self) -> float | None:
        """Return the share of success among the runs that were tried, or None without any."""
        tried = self.succeeded + self.failed
        return self.succeeded / tried if tried else None


def totals(owner_id: UUID, *, since: datetime) -> Totals:
    """Return an owner's sums from the hour of `since` on."""
    names = ("runs", "succeeded", "failed", "unknown_cost", "cost_usd")
    hour = since.replace(minute=0, second=0, microsecond=0)
    rows = Usage.objects.filter(owner_id=owner_id, hour__gte=hour)
    sums = rows.aggregate(**{name: Sum(name) for name in names})
    return Totals(
        **{name: sums[name] or 0 for name in names[:-1]}, cost_usd=sums["cost_usd"] or Decimal(0)
    )


MOST_DAYS = 366


def daily(owner_id: UUID, days: int, now: datetime, *, zone: str = "UTC") -> list[UsageDay]:
    """Return an owner's use of the last `days` days in `zone`, today included, oldest first.

    Reads hours, so a day is exact in zones of whole hours; elsewhere the hour that the day's start
    cuts is counted to the day it begins in.
    """
    local = ZoneInfo(zone)
    today = now.astimezone(local).date()
    first = today - timedelta(days=min(days, MOST_DAYS) - 1)
    start = datetime(first.year, first.month, first.day, tzinfo=local)
    names = ("hour", "operation", "provider", "model", *_SUMS)
    sums: dict[tuple[date, str, str, str], dict[str, int | Decimal]] = {}
    rows = Usage.objects.filter(owner_id=owner_id, hour__gte=start - timedelta(hours=1))
    for row in rows.values(*names).iterator():
        day = row["hour"].astimezone(local).date()
        if day < first:
            continue
        key = (day, row["operation"], row["provider"], row["model"])
        into = sums.setdefault(key, dict.fromkeys(_SUMS, 0))
        for name in _SUMS:
            into[name] += row[name]
    return [
        UsageDay(
            *key,
            runs=int(total["runs"]),
            succeeded=int(total["succeeded"]),
            failed=int(total["failed"]),
            skipped=int(total["skipped"]),
            cost_usd=Decimal(total["cost_usd"]),
            latency_ms=int(total["latency_ms"]),
            timed=int(total["timed"]),
            input_tokens=int(total["input_tokens"]),
            output_tokens=int(total["output_tokens"]),
        )
        for key, total in sorted(sums.items())
    ]
