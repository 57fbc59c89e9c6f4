"""Helix's own use, in the forms that the analytics operations work on. Values in, values out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import Any, Literal

from operations.rollups import UsageDay

Metric = Literal["cost", "latency", "failures", "operations"]
SUMS_TO_SHOW = 20  # operations and models in a summary, the dearest first


def usage(rows: Sequence[UsageDay], days: int, today: date) -> dict[str, Any]:
    """Return what `series.summarize` reads as `usage`: the last `days` days against those before.

    `rows` reach back twice as far. Today counts, as far as it has gone. Skipped runs count in
    none of the figures: nothing was asked and nothing was spent. The series begins with the first
    day of use: the days before are no zeros to rise from.
    """
    start = today - timedelta(days=days - 1)
    current = [row for row in rows if row.day >= start]
    previous = [row for row in rows if start - timedelta(days=days) <= row.day < start]
    by_day = _grouped(current, lambda row: row.day)
    first = max(start, min((row.day for row in rows if row.succeeded + row.failed), default=start))
    return {
        "days": days,
        "current": _sums(current),
        "previous": _sums(previous),
        "by_operation": _shares(current, "operation", lambda row: row.operation),
        "by_model": _shares(current, "model", _model),
        "series": [
            {"t": day.isoformat(), **_sums(by_day.get(day, []))}
            for day in (first + timedelta(days=n) for n in range((today - first).days + 1))
        ],
    }


def series(
    rows: Sequence[UsageDay], metric: Metric, days: int, today: date
) -> list[dict[str, str | float | None]]:
    """Return one point a day: 0 where nothing ran, None where nothing can be said.

    Today has not ended, so its sum says little while it is low: it is left out until it passes the
    median of the days before. A mean (latency) needs no such care.
    """
    by_day = _grouped(rows, lambda row: row.day)
    points = [
        (day, _value(by_day.get(day, []), metric))
        for day in (today - timedelta(days=n) for n in range(days - 1, -1, -1))
    ]
    earlier = [value for _, value in points[:-1] if value is not None]
    last = points[-1][1]
    if metric != "latency" and last is not None and last <= (median(earlier) if earlier else 0):
        points.pop()
    return [{"t": day.isoformat(), "value": value} for day, value in points]


def _value(rows: Sequence[UsageDay], metric: Metric) -> float | None:
    sums = _sums(rows)
    if metric == "cost":
        return float(sums["cost_usd"])
    if metric == "latency":
        return None if sums["latency_ms"] is None else float(sums["latency_ms"])
    return float(sums["failed"] if metric == "failures" else sums["runs"])


def _sums(rows: Sequence[UsageDay]) -> dict[str, Any]:
    timed = sum(row.timed for row in rows)
    return {
        "runs": sum(row.succeeded + row.failed for row in rows),
        "failed": sum(row.failed for row in rows),
        "cost_usd": str(sum((row.cost_usd for row in rows), Decimal(0))),
        "input_tokens": sum(row.input_tokens for row in rows),
        "output_tokens": sum(row.output_tokens for row in rows),
        "latency_ms": round(sum(row.latency_ms for row in rows) / timed, 1) if timed else None,
    }


def _shares(
    rows: Sequence[UsageDay], name: str, key: Callable[[UsageDay], str]
) -> list[dict[str, Any]]:
    groups = [(value, _sums(group)) for value, group in _grouped(rows, key).items() if value]
    groups.sort(key=lambda group: (-Decimal(group[1]["cost_usd"]), -group[1]["runs"], group[0]))
    kept = ("runs", "failed", "cost_usd")
    return [
        {name: value, **{each: sums[each] for each in kept}}
        for value, sums in groups[:SUMS_TO_SHOW]
    ]


def _model(row: UsageDay) -> str:
    return f"{row.provider}:{row.model}" if row.provider else ""


def _grouped(rows: Iterable[UsageDay], key: Callable[[UsageDay], Any]) -> dict[Any, list[UsageDay]]:
    groups: dict[Any, list[UsageDay]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups
