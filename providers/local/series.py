"""What stands out in a series of numbers, and what a series says."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from statistics import median
from typing import Any

from providers.local.moments import moment_of, zone_of
from providers.local.robust import NORMAL, medians_without_each, number_of, slope, spread
from providers.local.summary import summarize
from providers.local.words import capital, counted, one_line

__all__ = ["find_anomalies", "summarize"]

FEWEST_POINTS = 8
CYCLES = 3  # a season is believed after it has been seen so often
GAIN = 0.88  # a season or a trend must bring the spread down to this part of it to be believed
LIMITS = {"low": 5.0, "medium": 3.5, "high": 2.5}  # robust standard deviations
FLOOR = 0.01  # of the level: a wobble of a hundredth is never news
COUNT_FLOOR = 0.75  # for small counts: 0 → 1 is no news, 0 → 3 is
SMALL_COUNT = 50.0
FEW = 2.5  # a spread from n values is taken 1 + 2.5 / n as large: few values look too calm
NEIGHBOURS = 4.0  # how many observations' worth the overall spread counts beside a phase's own
HIGHEST_SCORE = 999.0
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Point:
    t: Any
    moment: datetime | None
    value: float


@dataclass(frozen=True, slots=True)
class Expectation:
    """What each point should have been, judged from the others, and how far off is usual."""

    centres: list[float]
    residuals: list[float]
    below: list[float]
    above: list[float]
    words: str


Season = tuple[str, Callable[[datetime], int], timedelta]


def find_anomalies(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the points that lie further from what was to be expected than `sensitivity` allows."""
    zone, _ = zone_of(parameters.get("timezone"))
    points = _read(parameters.get("series"), zone)
    if len(points) < FEWEST_POINTS:
        return {
            "anomalies": [],
            "note": f"There are {counted(len(points), 'value')}; at least {FEWEST_POINTS} are "
            "needed to say what is usual, so nothing is called unusual.",
        }
    limit = _limit(parameters.get("sensitivity"))
    expected, ranges, scale_words = _judge(points, zone, limit)
    metric = one_line(parameters.get("metric"), 40) or "the value"
    anomalies = []
    for at, (point, (low, high)) in enumerate(zip(points, ranges, strict=True)):
        residual = expected.residuals[at]
        usual = expected.above[at] if residual >= 0 else expected.below[at]
        score = min(abs(residual) / usual, HIGHEST_SCORE) if usual else 0.0
        if score < limit:
            continue
        if low <= point.value <= high:  # rounding on the way back from logarithms
            continue
        anomalies.append(_anomaly(point, low, high, score, metric))
    note = (
        f"Judged {counted(len(points), 'value')} against the median of the others"
        f"{expected.words}{scale_words}; unusual is what lies more than {limit:g} robust standard "
        "deviations away."
    )
    return {"anomalies": anomalies, "note": note}


def expected_ranges(parameters: Mapping[str, Any]) -> list[tuple[Any, float, float]]:
    """Return (t, low, high) for each point: within that, `find_anomalies` calls nothing unusual.

    Empty where there are too few points to say what is usual.
    """
    zone, _ = zone_of(parameters.get("timezone"))
    points = _read(parameters.get("series"), zone)
    if len(points) < FEWEST_POINTS:
        return []
    _, ranges, _ = _judge(points, zone, _limit(parameters.get("sensitivity")))
    return [
        (point.t, _tidy(low), _tidy(high))
        for point, (low, high) in zip(points, ranges, strict=True)
    ]


def _judge(
    points: list[Point], zone: tzinfo, limit: float
) -> tuple[Expectation, list[tuple[float, float]], str]:
    """Return what was to be expected, as it is and as the range of each point, and the scale."""
    forwards, backwards, scale_words = _scale(points)
    values = [forwards(point.value) for point in points]
    expected = _expectation(points, values, zone)
    least = 0.0 if min(point.value for point in points) >= 0 else -math.inf
    ranges = [
        (max(backwards(centre - limit * below), least), backwards(centre + limit * above))
        for centre, below, above in zip(
            expected.centres, expected.below, expected.above, strict=True
        )
    ]
    return expected, ranges, scale_words


def _anomaly(point: Point, low: float, high: float, score: float, metric: str) -> dict[str, Any]:
    is_high = point.value > high
    return {
        "t": point.t,
        "value": point.value,
        "expected_low": _tidy(low),
        "expected_high": _tidy(high),
        "score": round(score, 1),
        "direction": "high" if is_high else "low",
        "reason": f"{capital(metric)} was {point.value:.4g}, {'above' if is_high else 'below'} the "
        f"{low:.4g} to {high:.4g} expected then.",
    }


def _tidy(value: float) -> float:
    return float(f"{value:.6g}")


def _read(given: Any, zone: tzinfo) -> list[Point]:
    """Return the points with a value, in order of time where all have one."""
    points: list[Point] = []
    for entry in given if isinstance(given, list | tuple) else ():
        value = number_of(entry.get("value")) if isinstance(entry, Mapping) else None
        if value is not None:
            points.append(Point(entry.get("t"), moment_of(entry.get("t"), zone), value))
    if all(point.moment is not None for point in points):
        points.sort(key=lambda point: point.moment or datetime.min.replace(tzinfo=UTC))
    return points


def _limit(sensitivity: Any) -> float:
    if isinstance(sensitivity, str) and sensitivity.strip().lower() in LIMITS:
        return LIMITS[sensitivity.strip().lower()]
    number = number_of(sensitivity)
    return min(max(number, 1.0), 20.0) if number is not None else LIMITS["medium"]


def _same(value: float) -> float:
    return value


def _exponential(value: float) -> float:
    return math.exp(min(value, 345.0))  # e**345 is about 1e150, the largest value read


def _scale(
    points: Sequence[Point],
) -> tuple[Callable[[float], float], Callable[[float], float], str]:
    """Choose logarithms where values are positive and lean to the high side, as costs do."""
    values = [point.value for point in points]
    if min(values) <= 0:
        return _same, _same, ""
    middle = median(values)
    logs = [math.log(value) for value in values]
    if _lean(values) > 1.4 and _lean(logs) < _lean(values) and max(values) > 1.5 * middle:
        return math.log, _exponential, ", on a logarithmic scale since the values lean upwards"
    return _same, _same, ""


def _lean(values: Sequence[float]) -> float:
    """Return how much further the upper quarter lies from the median than the lower one."""
    ranked = sorted(values)
    quarter = len(ranked) // 4
    middle = median(ranked)
    lower, upper = middle - ranked[quarter], ranked[-1 - quarter] - middle
    if lower <= 0:
        return 1.0 if upper <= 0 else 9.0
    return upper / lower


def _expectation(points: list[Point], values: list[float], zone: tzinfo) -> Expectation:
    trend, trend_words = _trend(points, values)
    flat = [value - drift for value, drift in zip(values, trend, strict=True)]
    phases, season_words = _season(points, flat, zone)
    centres = _by_phase(flat, phases, medians_without_each)
    residuals = [value - centre for value, centre in zip(flat, centres, strict=True)]
    level = [centre + drift for centre, drift in zip(centres, trend, strict=True)]
    below, above = _usual(residuals, phases, level, values)
    return Expectation(level, residuals, below, above, trend_words + season_words)


def _trend(points: list[Point], values: list[float]) -> tuple[list[float], str]:
    """Return the drift to take off each value: a robust line where one fits, else nothing."""
    none = [0.0] * len(points)
    times = [
        (point.moment - points[0].moment) / DAY
        if point.moment is not None and points[0].moment is not None
        else float(at)
        for at, point in enumerate(points)
    ]
    rise = slope(times, values)
    if not rise:
        return none, ""
    line = [rise * moment for moment in times]
    if not all(map(math.isfinite, line)):
        return none, ""
    straightened = _around_median([a - b for a, b in zip(values, line, strict=True)])
    if spread(straightened) > GAIN * spread(_around_median(values)):
        return none, ""
    return line, f", along its trend ({'rising' if rise > 0 else 'falling'})"


def _around_median(values: Sequence[float]) -> list[float]:
    middle = median(values)
    return [value - middle for value in values]


def _season(points: list[Point], flat: list[float], zone: tzinfo) -> tuple[list[int], str]:
    """Return the phase of each point in the season that explains most; all 0 where none does."""
    best_phases, best_words = [0] * len(points), ""
    moments = [point.moment for point in points if point.moment is not None]
    if len(moments) < len(points):
        return best_phases, best_words
    best_spread = GAIN * _spread_left(flat, best_phases)
    local = [moment.astimezone(zone) for moment in moments]
    for words, phase_of, cycle in _seasons(moments):
        phases = [phase_of(moment) for moment in local]
        if moments[-1] - moments[0] < CYCLES * cycle - DAY or _is_thin(phases):
            continue
        left = _spread_left(flat, phases)
        if left < best_spread:
            best_spread, best_phases = GAIN * left, phases
            best_words = f" of the same {words}"
    return best_phases, best_words


def _seasons(moments: Sequence[datetime]) -> list[Season]:
    """Return the seasons worth trying at this distance of the points, simplest first."""
    steps = [(later - earlier) / HOUR for earlier, later in pairwise(moments)]
    step = median(steps) * HOUR if steps else DAY
    week = timedelta(days=7)
    by_weekday: list[Season] = [
        ("kind of day (working day or weekend)", lambda at: at.weekday() // 5, week),
        ("weekday", lambda at: at.weekday(), week),
    ]
    if step > timedelta(hours=36):
        return []
    if step > timedelta(hours=6):
        return by_weekday
    return [
        ("hour of the day", lambda at: at.hour, DAY),
        *by_weekday,
        ("hour and kind of day", lambda at: at.weekday() // 5 * 24 + at.hour, week),
        ("hour and weekday", lambda at: at.weekday() * 24 + at.hour, week),
    ]


def _is_thin(phases: Sequence[int]) -> bool:
    """Say whether some phase has been seen less than `CYCLES` times: nothing to compare with."""
    seen: defaultdict[int, int] = defaultdict(int)
    for phase in phases:
        seen[phase] += 1
    return min(seen.values()) < CYCLES


def _spread_left(flat: list[float], phases: list[int]) -> float:
    centres = _by_phase(flat, phases, medians_without_each)
    left = [value - centre for value, centre in zip(flat, centres, strict=True)]
    # The mean of the middle nine tenths: the median alone is 0 as soon as half the hours are quiet.
    sizes = sorted(map(abs, left))[: max(len(left) * 9 // 10, 1)]
    return sum(sizes) / len(sizes)


def _by_phase(
    values: list[float], phases: list[int], estimate: Callable[[list[float]], list[float]]
) -> list[float]:
    """Apply `estimate` to the values of each phase and put its results back in place."""
    members: defaultdict[int, list[int]] = defaultdict(list)
    for at, phase in enumerate(phases):
        members[phase].append(at)
    result = [0.0] * len(values)
    for positions in members.values():
        for at, value in zip(positions, estimate([values[at] for at in positions]), strict=True):
            result[at] = value
    return result


def _usual(
    residuals: list[float], phases: list[int], level: list[float], values: list[float]
) -> tuple[list[float], list[float]]:
    """Return the usual deviation below and above, for each point.

    A phase's own spread (nights are quieter than noons) is mixed with the overall one, and the two
    sides differ where the data lean to one side.
    """
    overall = spread(residuals) * (1 + FEW / len(residuals))

    def mixed(own: list[float]) -> list[float]:
        weight = len(own)
        own_spread = NORMAL * median(map(abs, own))  # 0 for a phase that is always the same
        square = (weight * own_spread**2 + NEIGHBOURS * overall**2) / (weight + NEIGHBOURS)
        return [math.sqrt(square)] * weight

    sizes = _by_phase(residuals, phases, mixed)
    lean_down, lean_up = _leans([a / b for a, b in zip(residuals, sizes, strict=True) if b])
    typical = abs(median(values))
    is_count = min(values) >= 0 and all(value == int(value) for value in values)
    below, above = [], []
    for size, centre in zip(sizes, level, strict=True):
        least = FLOOR * max(abs(centre), typical)
        if is_count and abs(centre) < SMALL_COUNT:
            least = max(least, COUNT_FLOOR, math.sqrt(max(centre, 0.0)))
        below.append(max(size * lean_down, least))
        above.append(max(size * lean_up, least))
    return below, above


def _leans(standard: Sequence[float]) -> tuple[float, float]:
    """Return how much wider than usual the residuals, in units of it, reach down and up."""
    overall = spread(standard)
    if not overall:
        return 1.0, 1.0
    lower = spread([-size for size in standard if size < 0]) or overall
    upper = spread([size for size in standard if size > 0]) or overall
    return min(max(lower / overall, 0.8), 3.0), min(max(upper / overall, 0.8), 3.0)
