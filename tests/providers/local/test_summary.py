from __future__ import annotations

from typing import Any

from providers.local import series


def days(*values: Any) -> list[dict[str, Any]]:
    return [{"t": f"2026-11-{n:02}", "value": value} for n, value in enumerate(values, start=1)]


def usage(**more: Any) -> dict[str, Any]:
    return {
        "days": 7,
        "current": {"runs": 120, "failed": 3, "cost_usd": "1.25", "latency_ms": 840.0},
        "previous": {"runs": 100, "failed": 0, "cost_usd": "1.00", "latency_ms": 400.0},
        "by_operation": [
            {"operation": "email-classify", "runs": 100, "cost_usd": "0.25"},
            {"operation": "email-compose", "runs": 20, "cost_usd": "1.00"},
        ],
        "series": [
            {"t": f"2026-11-{n + 10}", "runs": 10 + 3 * n, "failed": 0, "cost_usd": None}
            for n in range(7)
        ],
    } | more


def test_a_series_is_summed_up_with_figures_in_sentences() -> None:
    answer = series.summarize({"series": days(10, 12, 11, None, 40)})

    assert answer["metrics"]["count"] == 4
    assert answer["metrics"]["median"] == 11.5
    assert answer["metrics"]["max"] == 40
    assert "from 10 (2026-11-01) to 40 (2026-11-05)" in answer["points"][0]


def test_a_rising_series_has_a_trend_with_change_and_slope() -> None:
    answer = series.summarize({"series": days(*range(10, 30))})

    (trend,) = answer["trends"]
    assert trend["direction"] == "up"
    assert trend["slope_per_day"] == 1
    assert trend["change_percent"] == 112.0  # medians 12.5 and 26.5
    assert "going up" in answer["headline"]


def test_noise_and_a_single_spike_are_no_trend() -> None:
    spiky = series.summarize({"series": days(10, 11, 9, 10, 12, 9, 10, 11, 500)})

    assert spiky["trends"][0]["direction"] == "flat"


def test_trends_are_left_out_when_not_wanted() -> None:
    assert series.summarize({"series": days(*range(9)), "include_trends": False})["trends"] == []


def test_nothing_to_sum_up_is_said() -> None:
    assert series.summarize({})["headline"] == "There are no values to sum up."


def test_usage_is_told_with_cost_change_failures_and_the_dearest_operation() -> None:
    answer = series.summarize({"usage": usage()})

    assert answer["headline"] == (
        "120 runs in the last 7 days for 1.25 USD (+25 % on the period before); 3 failed."
    )
    text = "\n".join(answer["points"])
    assert "Failures: 3 of 120 runs (2.5 %), 0.0 % in the period before." in text
    assert "The operation with most cost: email-compose, 1.00 USD or 80 % of it." in text
    assert "Latency: 840 ms; 400 ms in the period before (+110 %)." in text
    assert answer["metrics"]["failure_percent"] == 2.5
    assert {trend["metric"]: trend["direction"] for trend in answer["trends"]} == {
        "runs": "up",
        "failures": "flat",
    }


def test_an_unknown_cost_is_not_called_zero() -> None:
    answer = series.summarize({"usage": usage(current={"runs": 5, "cost_usd": None})})

    assert "cost unknown" in answer["headline"]
    assert answer["metrics"]["cost_usd"] is None
    assert not any(point.startswith("Cost") for point in answer["points"])


def test_a_quiet_week_is_called_quiet() -> None:
    quiet = {"days": 7, "current": {"runs": 0, "failed": 0, "cost_usd": "0"}}

    assert series.summarize({"usage": quiet})["headline"] == "Nothing ran in the last 7 days."


def test_free_runs_are_ranked_by_their_number() -> None:
    free = usage(
        current={"runs": 12, "failed": 0, "cost_usd": "0"},
        by_operation=[{"operation": "calendar-time", "runs": 12, "cost_usd": "0"}],
    )

    assert any("most runs: calendar-time" in p for p in series.summarize({"usage": free})["points"])
