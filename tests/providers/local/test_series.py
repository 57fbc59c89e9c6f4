from __future__ import annotations

import math
import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from providers.local import series
from providers.local.robust import medians_without_each, slope, spread

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def points(values: list[Any], step: timedelta = DAY) -> list[dict[str, Any]]:
    return [{"t": (START + step * n).isoformat(), "value": v} for n, v in enumerate(values)]


def anomalies(values: list[Any], step: timedelta = DAY, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = series.find_anomalies({"series": points(values, step), **more})[
        "anomalies"
    ]
    return found


def noise(seed: int, count: int, size: float = 1.0) -> list[float]:
    draw = random.Random(seed)  # noqa: S311 noise, no secret
    return [draw.gauss(0, size) for _ in range(count)]


def test_a_spike_is_found_with_what_was_expected() -> None:
    values = [100 + wobble for wobble in noise(11, 30, 5)]
    values[20] = 300

    (spike,) = anomalies(values, metric="cost")

    assert spike["t"] == (START + 20 * DAY).isoformat()
    assert spike["direction"] == "high"
    assert 100 < spike["expected_high"] < 150
    assert spike["expected_low"] < 100
    assert spike["score"] > 10
    assert spike["reason"].startswith("Cost was 300, above")


def test_a_drop_is_low() -> None:
    values = [100 + wobble for wobble in noise(2, 30, 5)]
    values[10] = 20

    assert [found["direction"] for found in anomalies(values)] == ["low"]


def test_a_weekly_rhythm_is_no_anomaly_but_a_working_sunday_is() -> None:
    weekly = [(200 if n % 7 < 5 else 20) + wobble for n, wobble in enumerate(noise(3, 56, 6))]
    busy_sunday = list(weekly)
    busy_sunday[34] = 200

    assert anomalies(weekly) == []
    assert [found["t"] for found in anomalies(busy_sunday)] == [(START + 34 * DAY).isoformat()]


def test_without_enough_weeks_the_rhythm_is_not_believed() -> None:
    note = series.find_anomalies({"series": points([200, 200, 200, 200, 200, 20, 20, 210, 190])})

    assert "kind of day" not in note["note"]


def test_an_hourly_rhythm_is_learnt_and_a_silent_noon_is_found() -> None:
    hourly = [
        (60 if 8 <= n % 24 < 18 and n // 24 % 7 < 5 else 5) + wobble
        for n, wobble in enumerate(noise(4, 24 * 28, 2))
    ]
    silent = list(hourly)
    silent[24 * 9 + 12] = 4  # a Wednesday noon like a night

    assert len(anomalies(hourly, HOUR, sensitivity="low")) == 0
    assert (START + (24 * 9 + 12) * HOUR).isoformat() in {
        found["t"] for found in anomalies(silent, HOUR, sensitivity="low")
    }


def test_hours_are_taken_in_the_zone_so_a_clock_change_is_no_anomaly() -> None:
    """Working hours in Berlin move by an hour in UTC on 29 March."""
    values = []
    for n in range(24 * 56):
        local_hour = (
            n + (1 if START + n * HOUR < datetime(2026, 3, 29, 1, tzinfo=UTC) else 2)
        ) % 24
        values.append((80 if 8 <= local_hour < 18 else 5) + noise(n, 1, 2)[0])

    assert anomalies(values, HOUR, timezone="Europe/Berlin", sensitivity=8) == []


def test_growth_is_no_anomaly() -> None:
    growing = [10 + 3 * n + wobble for n, wobble in enumerate(noise(5, 60, 4))]
    with_spike = list(growing)
    with_spike[30] += 80

    assert anomalies(growing) == []
    assert len(anomalies(with_spike)) == 1


def test_a_constant_series_stays_quiet_for_a_small_wobble_and_not_for_a_large_one() -> None:
    assert anomalies([50.0] * 20 + [50.4]) == []
    assert len(anomalies([50.0] * 20 + [80.0])) == 1


def test_the_first_failures_after_long_silence_are_found_but_a_single_one_is_not() -> None:
    assert anomalies([0] * 30 + [1]) == []
    assert len(anomalies([0] * 30 + [6])) == 1


def test_expected_values_of_a_series_without_negatives_are_not_negative() -> None:
    assert anomalies([1.0, 2.0] * 10 + [40.0])[0]["expected_low"] >= 0


def test_missing_values_are_left_out_and_not_taken_as_zero() -> None:
    assert anomalies([100 + w for w in noise(6, 20, 3)] + [None] * 5) == []


def test_a_short_series_is_not_judged_and_says_so() -> None:
    answer = series.find_anomalies({"series": points([1, 1, 1, 1, 1, 1, 99])})

    assert answer["anomalies"] == []
    assert "7 values; at least 8 are needed" in answer["note"]


def test_higher_sensitivity_finds_at_least_as_much() -> None:
    values = [100 + wobble for wobble in noise(7, 200, 10)]

    found = [len(anomalies(values, sensitivity=level)) for level in ("low", "medium", "high", 1.5)]

    assert found == sorted(found)
    assert found[0] == 0
    assert found[-1] > 5


def test_points_out_of_order_are_put_in_order() -> None:
    values = [100 + wobble for wobble in noise(8, 30, 5)]
    values[3], values[20] = 400, 500
    shuffled = points(values)
    shuffled = shuffled[17:] + shuffled[:17]

    found = series.find_anomalies({"series": shuffled})["anomalies"]

    assert [entry["value"] for entry in found] == [400, 500]


@pytest.mark.parametrize("seed", range(5))
def test_false_alarms_on_noise_are_rare(seed: int) -> None:
    normal = noise(seed, 400)
    lognormal = [math.exp(0.5 * value) for value in noise(seed + 50, 400)]

    assert len(anomalies(normal)) <= 4  # 1 %
    assert len(anomalies(lognormal)) <= 8  # 2 %


def test_ten_thousand_points_take_seconds() -> None:
    started = time.perf_counter()

    anomalies(noise(9, 10_000), HOUR)

    assert time.perf_counter() - started < 10


def test_the_median_without_each_value_is_that_of_the_others() -> None:
    assert medians_without_each([1, 9, 4, 2]) == [4, 2, 2, 4]
    assert medians_without_each([3, 1]) == [1, 3]
    assert medians_without_each([7]) == [7]


def test_the_spread_survives_a_tenth_of_outliers() -> None:
    assert spread([*noise(10, 90), *[50.0] * 10]) == pytest.approx(1, rel=0.35)


def test_the_slope_ignores_outliers() -> None:
    values = [2.0 * n for n in range(50)]
    values[10] = 1e6

    assert slope([float(n) for n in range(50)], values) == 2
    assert slope([1.0, 1.0], [1.0, 2.0]) is None
