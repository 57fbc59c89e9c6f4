from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from core import charts, units
from core.charts import Chart, Key
from operations.catalogue.analytics_anomaly import Anomalies
from operations.catalogue.analytics_summary import Summary
from operations.results.given import Given, text_of
from providers.local import series as rules

MOST_ROWS = 400  # of a chart's table, the latest
METRICS = {  # of Helix's own: title, and the unit before and after its values
    "cost": ("Cost per day", "$", ""),
    "latency": ("Latency per day", "", " ms"),
    "failures": ("Failures per day", "", ""),
    "operations": ("Runs per day", "", ""),
}
ARROWS = {"up": "trending-up", "down": "trending-down", "flat": "move-right"}
AS_OF_NOW = "Helix's own figures, up to the day before the run"


@dataclass(frozen=True, slots=True)
class Point:
    at: datetime
    value: float | None


@dataclass(frozen=True, slots=True)
class ShownAnomaly:
    t: str
    at: datetime | None
    is_day: bool
    value: str
    expected: str
    score: float
    direction: str
    reason: str


@dataclass(frozen=True, slots=True)
class ShownAnomalies:
    anomalies: list[ShownAnomaly]
    note: str
    chart: Chart | None


@dataclass(frozen=True, slots=True)
class ShownMetric:
    label: str
    figure: str


@dataclass(frozen=True, slots=True)
class ShownTrend:
    metric: str
    direction: str
    icon: str
    change: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ShownSummary:
    headline: str
    points: list[str]
    metrics: list[ShownMetric]
    trends: list[ShownTrend]
    chart: Chart | None


# --- anomalies ------------------------------------------------------------------------------------


def anomalies(result: Anomalies, given: Given) -> ShownAnomalies:
    is_own = not given.rows("series")
    parameters = given.gathered() if is_own else given.parameters
    title, prefix, suffix = METRICS.get(text_of(parameters.get("metric")), ("Series", "", ""))
    if not is_own:
        title, prefix, suffix = "Series", "", ""
    shown = [
        ShownAnomaly(
            t=each.t,
            at=given.moment(each.t),
            is_day=len(each.t) == len("2026-11-22"),
            value=f"{prefix}{number(each.value)}{suffix}",
            expected=f"{prefix}{number(each.expected_low)} to {number(each.expected_high)}{suffix}",
            score=each.score,
            direction=each.direction,
            reason=each.reason,
        )
        for each in result.anomalies
    ]
    if is_own:
        parameters = {**parameters, "series": _before(given, parameters.get("series"))}
    points = _points(parameters.get("series"), "value", given)
    if is_own:  # of the day of the run itself, what was found then is known
        drawn = {point.at for point in points}
        found = [(given.moment(each.t), each.value) for each in result.anomalies]
        points += [Point(at, value) for at, value in found if at is not None and at not in drawn]
        points.sort(key=lambda point: point.at)
    if not points:
        return ShownAnomalies(shown, result.note, None)
    chart = _anomaly_chart(result, points, parameters, given, (title, prefix, suffix))
    return ShownAnomalies(shown, result.note, chart)


def _anomaly_chart(
    result: Anomalies,
    points: list[Point],
    parameters: Mapping[str, Any],
    given: Given,
    about: tuple[str, str, str],
) -> Chart:
    title, prefix, suffix = about
    ranges = {
        _wall(at): (low, high)
        for t, low, high in rules.expected_ranges(parameters)
        if (at := given.moment(t)) is not None
    }
    x = [_wall(point.at) for point in points]
    marked = {_wall(at) for each in result.anomalies if (at := given.moment(each.t)) is not None}
    marks = [(at, point.value) for at, point in zip(x, points, strict=True) if at in marked]
    traces = []
    legend = [Key("--c1", title)]
    if ranges:
        inside = [at for at in x if at in ranges]
        traces += charts.band(
            inside, [ranges[at][0] for at in inside], [ranges[at][1] for at in inside]
        )
        legend.append(Key("--c1-soft", "Expected", "band"))
    traces.append(charts.line(x, [point.value for point in points], name=title))
    if marks:
        traces.append(
            charts.points([at for at, _ in marks], [value for _, value in marks], name="Unusual")
        )
        legend.append(Key("--danger", "Unusual", "dot"))
    rows = [
        (
            _day_or_clock(point.at, points),
            number(point.value),
            _range(ranges.get(at)),
            "unusual" if at in marked else "",
        )
        for at, point in zip(x, points, strict=True)
    ]
    found = len(result.anomalies)
    told = "nothing is unusual" if not found else f"{units.count(found)} unusual"
    return Chart(
        id="chart-anomalies",
        title=title,
        note=AS_OF_NOW if not given.rows("series") else "",
        finding=f"{title}, {_span(points)}: {told}.",
        figure=charts.figure(traces, prefix=prefix, suffix=suffix),
        legend=legend,
        columns=("When", "Value", "Expected", "Judged"),
        rows=rows[-MOST_ROWS:],
    )


# --- summary --------------------------------------------------------------------------------------


def summary(result: Summary, given: Given) -> ShownSummary:
    return ShownSummary(
        headline=result.headline,
        points=result.points,
        metrics=[
            ShownMetric(_label(name), _figure(name, value))
            for name, value in result.metrics.items()
            if value is not None
        ],
        trends=[
            ShownTrend(
                metric=_label(each.metric),
                direction=each.direction,
                icon=ARROWS[each.direction],
                change="" if each.change_percent is None else f"{each.change_percent:+.0f}%",
                sentence=each.sentence,
            )
            for each in result.trends
        ],
        chart=_trend_chart(given),
    )


def _trend_chart(given: Given) -> Chart | None:
    """Return the series as given, or what Helix cost by the day, or its runs where that is 0."""
    if given.rows("series"):
        title, prefix, note = "Series", "", ""
        points = _points(given.parameters.get("series"), "value", given)
        token = "--c1"  # noqa: S105 - a colour
    else:
        usage = given.gathered().get("usage")
        days = _before(given, usage.get("series") if isinstance(usage, Mapping) else None)
        title, prefix, note, token = "Cost per day", "$", AS_OF_NOW, "--c1"
        points = _points(days, "cost_usd", given)
        if not any(point.value for point in points):
            title, prefix = "Runs per day", ""
            points = _points(days, "runs", given)
    if len(points) < 2:
        return None
    x = [_wall(point.at) for point in points]
    y = [point.value for point in points]
    trace = (
        charts.line(x, y, name=title)
        if prefix == "" and note == ""
        else charts.bars(x, y, name=title)
    )
    known = [point for point in points if point.value is not None]
    highest = max(known, key=lambda point: point.value or 0.0, default=None)
    told = (
        f"; highest on {_day_or_clock(highest.at, points)} with {prefix}{number(highest.value)}"
        if highest
        else ""
    )
    return Chart(
        id="chart-trend",
        title=title,
        note=note,
        finding=f"{title}, {_span(points)}{told}.",
        figure=charts.figure([trace], prefix=prefix),
        legend=[Key(token, title, "line" if note == "" else "bar")],
        columns=("When", title),
        rows=[
            (
                _day_or_clock(point.at, points),
                f"{prefix}{number(point.value)}" if point.value is not None else "not measured",
            )
            for point in points
        ][-MOST_ROWS:],
    )


# --- words ----------------------------------------------------------------------------------------


def _points(rows: Any, name: str, given: Given) -> list[Point]:
    """Return the entries that have a moment, oldest first."""
    if not isinstance(rows, list):
        return []
    found = [
        Point(at, _float(row.get(name)))
        for row in rows
        if isinstance(row, Mapping) and (at := given.moment(row.get("t"))) is not None
    ]
    return sorted(found, key=lambda point: point.at)


def _before(given: Given, days: Any) -> list[Any]:
    """Return the days before that of the run, which has gone on since: it would mislead."""
    run = given.run
    today = (run.started_at or run.created_at).astimezone(given.zone).date().isoformat()
    return [row for row in days if row["t"] < today] if isinstance(days, list) else []


def _float(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _wall(at: datetime) -> str:
    """Return a moment as Plotly takes it: it knows no zones, so by the clock of ours."""
    return at.strftime("%Y-%m-%d %H:%M:%S")


def _day_or_clock(at: datetime, points: Sequence[Point]) -> str:
    is_daily = all(not (point.at.hour or point.at.minute) for point in points)
    return f"{at.day} {at:%b %Y}" if is_daily else f"{at.day} {at:%b %Y, %H:%M}"


def _span(points: Sequence[Point]) -> str:
    first, last = points[0].at, points[-1].at
    return (
        f"{units.count(len(points))} values from {_day_or_clock(first, points)} "
        f"to {_day_or_clock(last, points)}"
    )


def _range(between: tuple[float, float] | None) -> str:
    return f"{number(between[0])} to {number(between[1])}" if between else ""


def number(value: float | None) -> str:
    """Return four digits that count, thousands apart; no exponent people would have to decode."""
    if value is None:
        return units.UNKNOWN
    if abs(value) >= 1e15:
        return f"{value:.3e}"
    if abs(value) >= 1_000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.6f}".rstrip("0").rstrip(".") if abs(value) < 1 else f"{value:.4g}"


def _label(name: str) -> str:
    words = name.replace("_usd", "").replace("_percent", "").replace("_ms", "").replace("_", " ")
    return words[:1].upper() + words[1:]


def _figure(name: str, value: float | None) -> str:
    if value is None:
        return units.UNKNOWN
    if name.endswith("_usd"):
        return units.usd(Decimal(str(value)))
    if name.endswith("_percent"):
        return f"{number(value)}%"
    if name.endswith("_ms"):
        return units.duration_ms(round(value))
    return number(value)
