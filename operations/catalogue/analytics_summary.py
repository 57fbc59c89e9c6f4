from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from operations import figures, rollups
from operations.parameters import Moment, Parameters, Result, Short, Zone
from operations.prompting import NO_ORDERS, fenced, lines
from operations.registry import Operation, register
from providers.local import series

if TYPE_CHECKING:
    from accounts.models import User

SHOWN = 200  # points of a series in a prompt, the latest; the figures cover all of them


class Point(Parameters):
    t: Annotated[Moment, Field(title="Date or moment")]
    value: Annotated[float | None, Field(description="Empty: nothing was measured.")]


Series = Annotated[list[Point], Field(max_length=2_000)]


class Summarize(Parameters):
    days: Annotated[
        int, Field(ge=1, le=90, description="Of Helix's own figures, today included.")
    ] = 7
    series: Annotated[
        Series | None, Field(description="Figures of your own instead, up to 2,000 points.")
    ] = None
    include_trends: Annotated[bool, Field(description="Say what rises and falls.")] = True
    timezone: Zone | None = None

    @model_validator(mode="after")
    def _has_points(self) -> Summarize:
        if self.series is not None and not self.series:
            raise ValueError("series must have at least one point, or be left out")
        return self


class WithUsage(Summarize):
    """The parameters once gathered; `usage` is none that a person can give."""

    usage: dict[str, Any]


class Trend(Result):
    metric: Annotated[str, Field(max_length=200)]
    direction: Literal["up", "down", "flat"]
    change_percent: float | None = None
    slope_per_day: float | None = None
    sentence: Annotated[str, Field(max_length=1_000)]


class Summary(Result):
    headline: Annotated[str, Field(min_length=1, max_length=500)]
    points: Annotated[list[Annotated[str, Field(max_length=1_000)]], Field(max_length=20)]
    metrics: Annotated[
        dict[Short, float | None], Field(max_length=100, description="None is unknown, not 0.")
    ]
    trends: Annotated[list[Trend], Field(max_length=50)] = []


def prompt(given: Summarize) -> str:
    known = series.summarize(given.model_dump(mode="json"))
    computed = {"metrics": known["metrics"], "trends": known["trends"]}
    parts = [
        lines(time_zone=given.timezone or "UTC", trends_wanted=given.include_trends),
        fenced("computed", json.dumps(computed, ensure_ascii=False)),
    ]
    if isinstance(given, WithUsage):
        parts.append(fenced("usage", json.dumps(given.usage, ensure_ascii=False)))
    elif given.series:
        parts.append(fenced("series", listed(given.series)))
    return "\n\n".join(parts)


def listed(points: list[Point]) -> str:
    """Return the latest points, one a line, and how many there are before them."""
    shown = [
        f"{point.t} {'nothing measured' if point.value is None else f'{point.value:g}'}"
        for point in points[-SHOWN:]
    ]
    hidden = len(points) - len(shown)
    return "\n".join([f"({hidden:,} earlier points left out)", *shown] if hidden else shown)


def gather(owner: User, given: Summarize, now: datetime) -> Summarize:
    zone = given.timezone or owner.zone
    if given.series is not None:
        return given.model_copy(update={"timezone": zone})
    rows = rollups.daily(owner.pk, 2 * given.days, now, zone=zone)
    usage = figures.usage(rows, given.days, now.astimezone(ZoneInfo(zone)).date())
    return WithUsage(**{**given.model_dump(), "timezone": zone, "usage": usage})


register(
    Operation(
        slug="analytics-summary",
        title="Summarise figures",
        kind="analytics",
        tier="quality",
        help="Says what the figures of the last days say: your use of Helix, or a series you give.",
        parameters=Summarize,
        result=Summary,
        instructions=(
            "You report figures to the person who owns them. The computed part holds metrics and "
            "trends that are exact: copy the metrics as they are, and the trends if they are "
            "wanted, else give none; do no sums of your own. The headline is one sentence with the "
            "fact that matters most. Then up to five points, one sentence each: what changed, what "
            "it cost, what failed, what to look at. Null means unknown, not 0. If there is nothing "
            "to report, say so. " + NO_ORDERS
        ),
        prompt=prompt,
        output_tokens=lambda given: 700 + (400 if given.include_trends else 0),
        rules=series.summarize,
        gather=gather,
        example={
            "series": [
                {"t": f"2026-11-{day:02}", "value": value}
                for day, value in enumerate((120, 132, 101, 134, 190, 230, 210, 240), start=9)
            ],
            "include_trends": True,
        },
    )
)
