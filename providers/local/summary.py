"""What a series of numbers, or Helix's own figures, say in a few sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from statistics import fmean, median
from typing import Any

from providers.local.moments import moment_of, zone_of
from providers.local.robust import number_of, slope, spread
from providers.local.words import capital, counted, one_line

FLAT_PERCENT = 5.0  # a change smaller than this is none
FEWEST_FOR_TREND = 4
MOST_DECIMALS = 6

Metrics = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Track:
    """One metric over time."""

    name: str
    days: list[float]  # since the first point; the position where no moment is known
    values: list[float]
    labels: list[str]
    has_moments: bool


def summarize(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return headline, points, metrics and trends of `usage`, or else of `series`."""
    zone, _ = zone_of(parameters.get("timezone"))
    with_trends = parameters.get("include_trends") is not False
    usage = parameters.get("usage")
    if isinstance(usage, Mapping) and usage:
        return _of_usage(usage, zone, with_trends=with_trends)
    return _of_series(parameters.get("series"), zone, with_trends=with_trends)


# --- a plain series -----------------------------------------------------------------------------


def _of_series(given: Any, zone: tzinfo, *, with_trends: bool) -> dict[str, Any]:
    track = _track(given, "value", "value", zone)
    values = track.values
    if not values:
        return _nothing("There are no values to sum up.")
    low, high = min(values), max(values)
    middle = median(values)
    metrics: Metrics = {
        "count": len(values),
        "first": values[0],
        "last": values[-1],
        "min": low,
        "max": high,
        "mean": fmean(values),
        "median": middle,
        "robust_spread": spread([value - middle for value in values]),
        "sum": math.fsum(values),
    }
    points = [
        f"{counted(len(values), 'value')}, from {_amount(low)} ({track.labels[values.index(low)]}) "
        f"to {_amount(high)} ({track.labels[values.index(high)]}).",
        f"Half of them lie at or below {_amount(middle)}; the mean is {_amount(fmean(values))}.",
        f"The last one is {_amount(values[-1])} ({track.labels[-1]}), "
        f"{_against(values[-1], middle)} the median.",
    ]
    trend = _trend(track)
    headline = f"Median {_amount(middle)} over {counted(len(values), 'value')}"
    if trend["direction"] != "flat":
        headline += f", going {trend['direction']}"
    return {
        "headline": f"{headline}.",
        "points": points,
        "metrics": _tidy(metrics),
        "trends": [trend] if with_trends else [],
    }


def _nothing(sentence: str) -> dict[str, Any]:
    return {"headline": sentence, "points": [], "metrics": {}, "trends": []}


def _against(value: float, reference: float) -> str:
    if value == reference:
        return "equal to"
    change = _percent(reference, value)
    side = "above" if value > reference else "below"
    return side if change is None else f"{_round_percent(abs(change))} {side}"


def _track(given: Any, key: str, name: str, zone: tzinfo) -> Track:
    """Return one metric of a list of entries, in order of time; None is left out, it is no 0."""
    found: list[tuple[datetime | None, str, float]] = []
    for entry in given if isinstance(given, list | tuple) else ():
        value = number_of(entry.get(key)) if isinstance(entry, Mapping) else None
        if value is not None:
            moment = moment_of(entry.get("t"), zone)
            found.append((moment, one_line(str(entry.get("t", "")), 40) or "no date", value))
    moments = [moment for moment, _, _ in found if moment is not None]
    has_moments = bool(found) and len(moments) == len(found)
    if has_moments:
        found = [found[at] for at in sorted(range(len(found)), key=moments.__getitem__)]
        moments.sort()
    days = (
        [(moment - moments[0]) / timedelta(days=1) for moment in moments]
        if has_moments
        else [float(at) for at in range(len(found))]
    )
    return Track(name, days, [v for _, _, v in found], [t for _, t, _ in found], has_moments)


def _trend(track: Track) -> dict[str, Any]:
    """Return direction, change and slope of a track.

    The change compares the median of its last third with that of its first; up and down need both
    a change of 5 % and one that is larger than the usual scatter explains.
    """
    count = len(track.values)
    if count < FEWEST_FOR_TREND:
        few = f"{capital(track.name)}: {counted(count, 'value')} are too few for a trend."
        return _trend_entry(
            track.name, "flat", None, None, few.replace("1 value are", "1 value is")
        )
    third = max(count // 3, 2)
    first, last = median(track.values[:third]), median(track.values[-third:])
    change = _percent(first, last)
    rise = slope(track.days, track.values)
    scatter = spread(_without_line(track, rise))
    is_clear = abs(last - first) > 1.5 * scatter * math.sqrt(2 / third)
    is_large = change is None or abs(change) >= FLAT_PERCENT
    direction = ("up" if last > first else "down") if is_clear and is_large else "flat"
    if last == first:
        direction = "flat"
    sentence = f"{capital(track.name)}: no clear trend, typically {_amount(last)}"
    if direction != "flat":
        by = f" {_round_percent(abs(change))}" if change is not None else ""
        sentence = f"{capital(track.name)}: {direction}{by}, from {_amount(first)} in the first "
        sentence += f"third to {_amount(last)} in the last"
    if rise and direction != "flat" and track.has_moments:
        sentence += f", about {_amount(abs(rise))} a day"
    return _trend_entry(track.name, direction, change, rise, f"{sentence}.")


def _without_line(track: Track, rise: float | None) -> list[float]:
    left = [v - (rise or 0.0) * day for v, day in zip(track.values, track.days, strict=True)]
    middle = median(left)
    return [value - middle for value in left]


def _trend_entry(
    name: str, direction: str, change: float | None, rise: float | None, sentence: str
) -> dict[str, Any]:
    return {
        "metric": name,
        "direction": direction,
        "change_percent": None if change is None else round(change, 1),
        "slope_per_day": None if rise is None else _significant(rise),
        "sentence": sentence,
    }


# --- Helix's own figures ------------------------------------------------------------------------


def _of_usage(usage: Mapping[str, Any], zone: tzinfo, *, with_trends: bool) -> dict[str, Any]:
    current, previous = _mapping(usage.get("current")), _mapping(usage.get("previous"))
    days = number_of(usage.get("days"))
    period = f"the last {counted(int(days), 'day')}" if days and days >= 1 else "this period"
    runs, cost = number_of(current.get("runs")), number_of(current.get("cost_usd"))
    failed = number_of(current.get("failed"))
    metrics: Metrics = {
        name: number_of(current.get(name))
        for name in ("runs", "failed", "cost_usd", "latency_ms", "input_tokens", "output_tokens")
        if name in current
    }
    metrics |= {
        f"previous_{name}": number_of(previous.get(name)) for name in metrics if name in previous
    }
    if runs:
        metrics["failure_percent"] = None if failed is None else 100 * failed / runs
        metrics["cost_per_run_usd"] = None if cost is None else cost / runs
    if days and days >= 1 and cost is not None:
        metrics["cost_per_day_usd"] = cost / days
    if not metrics and not usage.get("series"):
        return _nothing("There are no figures to sum up.")
    points = [
        *_about_cost(cost, number_of(previous.get("cost_usd")), metrics),
        *_about_runs(runs, number_of(previous.get("runs"))),
        *_about_failures(runs, failed, previous),
        *_about_latency(current, previous),
        *_about_shares(usage.get("by_operation"), "operation", cost, runs),
        *_about_shares(usage.get("by_model"), "model", cost, runs),
    ]
    trends = [_trend(track) for track in _tracks(usage.get("series"), zone)] if with_trends else []
    points += [trend["sentence"] for trend in trends if trend["direction"] != "flat"]
    return {
        "headline": _headline(period, runs, cost, failed, number_of(previous.get("cost_usd"))),
        "points": points,
        "metrics": _tidy(metrics),
        "trends": trends,
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _headline(
    period: str, runs: float | None, cost: float | None, failed: float | None, before: float | None
) -> str:
    if not runs:
        return f"Nothing ran in {period}." if runs == 0 else f"The figures of {period}."
    text = f"{counted(int(runs), 'run')} in {period}"
    text += ", cost unknown" if cost is None else f" for {_usd(cost)}"
    change = None if cost is None or before is None else _percent(before, cost)
    if change is not None:
        text += f" ({_signed(change)} on the period before)"
    if failed:
        text += f"; {int(failed):,} failed"
    return f"{text}."


def _about_cost(cost: float | None, before: float | None, metrics: Metrics) -> list[str]:
    if cost is None:
        return []
    text = f"Cost: {_usd(cost)}"
    per_day, per_run = metrics.get("cost_per_day_usd"), metrics.get("cost_per_run_usd")
    if per_day:
        text += f", {_usd(per_day)} a day"
    if per_run:
        text += f", {_usd(per_run)} a run"
    return [f"{text}{_compared(before, cost, _usd)}."]


def _about_runs(runs: float | None, before: float | None) -> list[str]:
    if runs is None:
        return []
    return [f"Runs: {int(runs):,}{_compared(before, runs, lambda value: f'{int(value):,}')}."]


def _about_failures(
    runs: float | None, failed: float | None, previous: Mapping[str, Any]
) -> list[str]:
    if not runs or failed is None:
        return []
    if not failed:
        return ["No run failed."]
    text = f"Failures: {int(failed):,} of {int(runs):,} runs ({100 * failed / runs:.1f} %)"
    runs_before, failed_before = (number_of(previous.get(key)) for key in ("runs", "failed"))
    if runs_before and failed_before is not None:
        text += f", {100 * failed_before / runs_before:.1f} % in the period before"
    return [f"{text}."]


def _about_latency(current: Mapping[str, Any], previous: Mapping[str, Any]) -> list[str]:
    latency = number_of(current.get("latency_ms"))
    if latency is None:
        return []
    before = number_of(previous.get("latency_ms"))
    return [f"Latency: {_latency(latency)}{_compared(before, latency, _latency)}."]


def _latency(value: float) -> str:
    return f"{value / 1000:.1f} s" if value >= 1000 else f"{value:.0f} ms"


def _compared(before: float | None, now: float, shown: Any) -> str:
    if before is None:
        return ""
    change = _percent(before, now)
    return f"; {shown(before)} in the period before" + (
        "" if change is None else f" ({_signed(change)})"
    )


def _about_shares(given: Any, key: str, cost: float | None, runs: float | None) -> list[str]:
    """Name the entry that costs most, or where nothing costs, the one that runs most."""
    entries = [entry for entry in given if isinstance(entry, Mapping)] if isinstance(
        given, list | tuple
    ) else []  # fmt: skip
    for field, total, verb in (("cost_usd", cost, "cost"), ("runs", runs, "runs")):
        amounts = [(number_of(entry.get(field)) or 0.0, entry) for entry in entries]
        largest = max(amounts, key=lambda pair: pair[0], default=None)
        if largest and largest[0] > 0 and total:
            name = one_line(str(largest[1].get(key, "")), 60) or "unnamed"
            share = min(100 * largest[0] / total, 100)
            amount = _usd(largest[0]) if field == "cost_usd" else f"{int(largest[0]):,}"
            return [f"The {key} with most {verb}: {name}, {amount} or {share:.0f} % of it."]
    return []


def _tracks(given: Any, zone: tzinfo) -> Sequence[Track]:
    named = {"cost_usd": "cost", "runs": "runs", "failed": "failures", "latency_ms": "latency"}
    tracks = [_track(given, key, name, zone) for key, name in named.items()]
    return [track for track in tracks if len(track.values) >= FEWEST_FOR_TREND]


# --- numbers in words ---------------------------------------------------------------------------


def _percent(before: float, after: float) -> float | None:
    """Return the change in percent; None where it has no meaning (from nothing, or below it)."""
    if before <= 0 or after < 0:
        return None
    change = 100 * (after - before) / before
    return change if math.isfinite(change) else None


def _round_percent(change: float) -> str:
    return f"{change:.0f} %" if change >= 10 else f"{change:.1f} %"


def _signed(change: float) -> str:
    return f"{'+' if change >= 0 else '-'}{_round_percent(abs(change))}"


def _usd(value: float) -> str:
    if value and abs(value) < 0.01:
        return f"{value:.2g} USD" if abs(value) < 1e-6 else f"{value:.6f}".rstrip("0") + " USD"
    return f"{value:,.2f} USD"


def _amount(value: float) -> str:
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.2f}" if 1 <= abs(value) < 1e15 else f"{value:.4g}"


def _significant(value: float) -> float:
    return float(f"{value:.6g}")


def _tidy(metrics: Metrics) -> Metrics:
    return {
        name: None if value is None or not math.isfinite(value) else round(value, MOST_DECIMALS)
        for name, value in metrics.items()
    }
