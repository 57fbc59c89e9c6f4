"""Measure the local anomaly rules on drawn series; prints one JSON line per figure.

    python bench/anomaly_accuracy.py

Each kind of series is drawn 100 times without any anomaly (false alarms per point), and then with
one value set to 2.5 times its 90th percentile (or to 5 where that is 0) at a random place: found
is how often that one is reported. In a kind whose own values scatter as far, it cannot always be.
"""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from providers.local import series

TRIES = 100
START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
draw = random.Random(20261121)


def poisson(mean: float) -> int:
    limit, product, count = math.exp(-mean), draw.random(), 0
    while product > limit:
        product *= draw.random()
        count += 1
    return count


def is_office_hour(hour: int) -> bool:
    return 8 <= hour % 24 < 18 and hour // 24 % 7 < 5


KINDS: dict[str, tuple[timedelta, Callable[[], list[float]]]] = {
    "normal_60_days": (
        timedelta(days=1),
        lambda: [draw.gauss(100, 10) for _ in range(60)],
    ),
    "weekly_56_days": (
        timedelta(days=1),
        lambda: [draw.gauss(100 if day % 7 < 5 else 20, 8) for day in range(56)],
    ),
    "growing_60_days": (
        timedelta(days=1),
        lambda: [draw.gauss(50 + 3 * day, 8) for day in range(60)],
    ),
    "growing_weekly_84_days": (
        timedelta(days=1),
        lambda: [draw.gauss((100 if day % 7 < 5 else 20) + day, 8) for day in range(84)],
    ),
    "lognormal_60_days": (
        timedelta(days=1),
        lambda: [math.exp(draw.gauss(0, 0.6)) for _ in range(60)],
    ),
    "few_events_14_days_by_hour": (
        timedelta(hours=1),
        lambda: [poisson(0.1) for _ in range(24 * 14)],
    ),
    "office_hours_28_days_by_hour": (
        timedelta(hours=1),
        lambda: [poisson(20 if is_office_hour(hour) else 1) for hour in range(24 * 28)],
    ),
    "normal_10_days": (
        timedelta(days=1),
        lambda: [draw.gauss(100, 10) for _ in range(10)],
    ),
}


def found_at(values: list[float], step: timedelta, sensitivity: str) -> set[str]:
    points = [{"t": (START + step * n).isoformat(), "value": v} for n, v in enumerate(values)]
    answer = series.find_anomalies({"series": points, "sensitivity": sensitivity})
    return {anomaly["t"] for anomaly in answer["anomalies"]}


def main() -> None:
    for sensitivity in ("low", "medium", "high"):
        for kind, (step, make) in KINDS.items():
            points = alarms = hits = 0
            for _ in range(TRIES):
                values = make()
                points += len(values)
                alarms += len(found_at(values, step, sensitivity))
                at = draw.randrange(len(values))
                values[at] = 2.5 * sorted(values)[len(values) * 9 // 10] or 5
                hits += (START + step * at).isoformat() in found_at(values, step, sensitivity)
            emit(f"anomaly_false_alarms_{kind}_{sensitivity}", alarms / points, points)
            emit(f"anomaly_found_{kind}_{sensitivity}", hits / TRIES, TRIES)


def emit(figure: str, value: float, samples: int) -> None:
    line = {
        "figure": figure, "value": round(value, 5), "unit": "share", "peer": None,
        "peer_value": None, "ratio": None, "spread": None, "samples": samples,
    }  # fmt: skip
    print(json.dumps(line))


if __name__ == "__main__":
    main()
