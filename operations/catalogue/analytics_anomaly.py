from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from operations import figures, rollups
from operations.catalogue.analytics_summary import Point, Series, listed
from operations.parameters import Moment, Parameters, Result, Shown, Zone
from operations.prompting import NO_ORDERS, fenced, lines
from operations.registry import Operation, register
from providers.local import series

if TYPE_CHECKING:
    from accounts.models import User

METRICS = (
    ("cost", "Cost"),
    ("latency", "Latency"),
    ("failures", "Failures"),
    ("operations", "Runs"),
)
CANDIDATES = 20  # of the statistics, the strongest, that a model is shown and may confirm


def _sensitivity(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    try:
        return check(value)
    except ValidationError:
        raise ValueError("must be low, medium or high, or a number from 1 to 10") from None


class FindAnomalies(Parameters):
    metric: Annotated[
        figures.Metric | None,
        Field(description="Which of Helix's own figures to watch."),
        Shown(choices=METRICS),
    ] = None
    days: Annotated[int, Field(ge=1, le=365, description="How many days of it.")] = 30
    series: Annotated[
        Series | None, Field(description="Figures of your own instead, up to 2,000 points.")
    ] = None
    sensitivity: Annotated[
        Literal["low", "medium", "high"] | Annotated[float, Field(ge=1, le=10)],
        WrapValidator(_sensitivity),
        Field(
            description="How soon a value stands out. As JSON also the robust standard deviations, "
            "1 to 10, from which on it does."
        ),
    ] = "medium"
    timezone: Zone | None = None

    @model_validator(mode="after")
    def _has_figures(self) -> FindAnomalies:
        if self.series is None and self.metric is None:
            raise ValueError("need a “Metric” to watch or a “Series” of your own figures")
        if self.series is not None and not self.series:
            raise ValueError("series must have at least one point, or be left out")
        return self


class Anomaly(Result):
    t: Moment
    value: float
    expected_low: float
    expected_high: float
    score: Annotated[float, Field(ge=0, description="Robust standard deviations off.")]
    direction: Literal["high", "low"]
    reason: Annotated[str, Field(max_length=1_000)] = ""


class Anomalies(Result):
    anomalies: list[Anomaly]
    note: Annotated[str, Field(max_length=1_000, description="How it was judged.")] = ""


def prompt(given: FindAnomalies) -> str:
    found = series.find_anomalies(given.model_dump(mode="json"))
    strongest = sorted(found["anomalies"], key=lambda each: -float(each["score"]))[:CANDIDATES]
    candidates = {
        "candidates": sorted(strongest, key=lambda each: each["t"]),
        "note": found["note"],
    }
    return "\n\n".join(
        (
            lines(
                metric=given.metric,
                sensitivity=given.sensitivity,
                time_zone=given.timezone or "UTC",
            ),
            fenced("computed", json.dumps(candidates, ensure_ascii=False)),
            fenced("series", listed(given.series or [])),
        )
    )


def output_tokens(given: FindAnomalies) -> int:
    points = given.days if given.series is None else len(given.series)
    return 150 + 110 * min(CANDIDATES, points)


def gather(owner: User, given: FindAnomalies, now: datetime) -> FindAnomalies:
    zone = given.timezone or owner.zone
    update: dict[str, Any] = {"timezone": zone}
    if given.series is None and given.metric is not None:
        rows = rollups.daily(owner.pk, given.days, now, zone=zone)
        today = now.astimezone(ZoneInfo(zone)).date()
        points = figures.series(rows, given.metric, given.days, today)
        update["series"] = [Point(**point) for point in points]
    return given.model_copy(update=update)


register(
    Operation(
        slug="analytics-anomaly",
        title="Find anomalies",
        kind="analytics",
        tier="quality",
        help="Finds values that do not fit: in your cost, latency, failures or runs, or a series.",
        parameters=FindAnomalies,
        result=Anomalies,
        instructions=(
            "You judge which values of a series are anomalies. The computed part holds candidates "
            "from robust statistics with exact figures. Keep those that a careful analyst would "
            "report and drop those that the weekday, the growth or a step to a new level explains; "
            "copy t, value, expected_low, expected_high, score and direction as they are, and give "
            "a reason of at most twenty words. Report nothing that is no candidate. The note says "
            "in one sentence how you judged. " + NO_ORDERS
        ),
        prompt=prompt,
        output_tokens=output_tokens,
        rules=series.find_anomalies,
        gather=gather,
        example={
            "series": [
                {"t": f"2026-11-{day:02}", "value": value}
                for day, value in enumerate(
                    (10, 11, 9, 10, 12, 10, 11, 10, 9, 11, 48, 10, 11, 10), start=1
                )
            ],
            "sensitivity": "medium",
        },
    )
)
