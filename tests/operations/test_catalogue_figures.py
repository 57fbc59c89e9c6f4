from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from operations import figures, registry, rollups, validation
from operations.rollups import Tally, UsageDay
from providers.local import summary as local

TODAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def used(days_ago: int, *, runs: int = 1, cost: str = "0.10", **more: Any) -> UsageDay:
    return UsageDay(
        **{
            "day": TODAY - timedelta(days=days_ago),
            "operation": "email-classify",
            "provider": "openai",
            "model": "gpt-6-luna",
            "runs": runs,
            "succeeded": runs,
            "failed": 0,
            "skipped": 0,
            "cost_usd": Decimal(cost),
            "latency_ms": 400 * runs,
            "timed": runs,
            "input_tokens": 100 * runs,
            "output_tokens": 10 * runs,
            **more,
        }
    )


def test_usage_sets_the_last_days_against_those_before() -> None:
    rows = [used(0), used(6, runs=3), used(7), used(13), used(14)]

    usage = figures.usage(rows, 7, TODAY)

    assert usage["current"]["runs"] == 4
    assert usage["previous"]["runs"] == 2
    assert usage["current"]["cost_usd"] == "0.20"
    assert len(usage["series"]) == 7
    assert usage["series"][0] == {
        "t": "2026-11-15",
        "runs": 3,
        "failed": 0,
        "cost_usd": "0.10",
        "input_tokens": 300,
        "output_tokens": 30,
        "latency_ms": 400.0,
    }
    assert usage["series"][1]["runs"] == 0
    assert usage["series"][1]["latency_ms"] is None


def test_days_before_the_first_use_are_no_zeros_to_rise_from() -> None:
    usage = figures.usage([used(0, runs=8)], 7, TODAY)
    second = figures.usage([used(0, runs=8), used(1), used(5, runs=0, skipped=1)], 7, TODAY)

    assert [day["t"] for day in usage["series"]] == ["2026-11-21"]
    assert [day["t"] for day in second["series"]] == ["2026-11-20", "2026-11-21"]
    told = local.summarize({"usage": usage})
    assert told["trends"] == []
    assert not any("up" in point for point in told["points"])


def test_shares_name_the_dearest_first_and_no_empty_model() -> None:
    rows = [
        used(0, cost="0.1"),
        used(0, cost="0.3", operation="email-compose", model="gpt-6-sol"),
        used(0, cost="0", operation="email-respond", provider="", model="", succeeded=0, failed=1),
    ]

    usage = figures.usage(rows, 7, TODAY)

    assert [each["model"] for each in usage["by_model"]] == [
        "openai:gpt-6-sol",
        "openai:gpt-6-luna",
    ]
    assert usage["by_operation"][0]["operation"] == "email-compose"
    assert usage["by_operation"][-1]["failed"] == 1


def test_skipped_runs_count_in_no_figure() -> None:
    rows = [used(0, runs=0, cost="0", skipped=5, timed=0, latency_ms=0)]

    assert figures.usage(rows, 7, TODAY)["current"]["runs"] == 0


def test_a_series_has_one_point_a_day_and_tells_nothing_from_none() -> None:
    rows = [used(0, runs=9), used(2), used(3)]

    runs = figures.series(rows, "operations", 4, TODAY)
    latency = figures.series(rows, "latency", 4, TODAY)

    assert [point["value"] for point in runs] == [1.0, 1.0, 0.0, 9.0]
    assert [point["value"] for point in latency] == [400.0, 400.0, None, 400.0]


def test_today_is_left_out_while_its_sum_is_low() -> None:
    rows = [used(0), *(used(days, runs=5) for days in range(1, 6))]

    points = figures.series(rows, "operations", 6, TODAY)

    assert points[-1] == {"t": "2026-11-20", "value": 5.0}


@pytest.mark.django_db
def test_an_anomaly_in_one_s_own_use_is_found(alice: User) -> None:
    alice.zone = "Asia/Tokyo"
    for days in range(40):
        at = NOW - timedelta(days=days)
        cost = Decimal(9) if days == 3 else Decimal("1.0") + Decimal(days % 3) / 20
        rollups.book(
            [Tally(alice.pk, at, "email-classify", "openai", "x", "cron", 1, 1, cost_usd=cost)]
        )
    operation = registry.get("analytics-anomaly")
    parsed = validation.parse(operation, {"metric": "cost", "days": 30})
    assert operation.gather is not None
    assert operation.rules is not None

    gathered = operation.gather(alice, parsed, NOW)
    answer = operation.rules(validation.to_json(gathered))

    found = operation.result.model_validate(answer).model_dump()["anomalies"]
    assert [(each["t"][:10], each["value"]) for each in found] == [("2026-11-18", 9.0)]
    assert "2026-11-18" in operation.prompt(gathered)


@pytest.mark.django_db
def test_a_summary_of_one_s_own_use_names_its_cost(alice: User) -> None:
    rollups.book(
        [
            Tally(
                alice.pk,
                NOW,
                "email-classify",
                "openai",
                "x",
                "cron",
                2,
                2,
                cost_usd=Decimal("1.5"),
            )
        ]
    )
    operation = registry.get("analytics-summary")
    assert operation.gather is not None
    assert operation.rules is not None

    gathered = operation.gather(alice, validation.parse(operation, {}), NOW)
    answer = operation.result.model_validate(operation.rules(validation.to_json(gathered)))

    assert "1.5" in str(answer)
    assert "email-classify" in operation.prompt(gathered)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "slug", ["analytics-summary", "calendar-prep", "calendar-time", "task-prioritize"]
)
def test_gathering_fills_in_the_owner_s_zone_and_the_present(alice: User, slug: str) -> None:
    alice.zone = "Asia/Tokyo"
    operation = registry.get(slug)
    given = {
        name: value
        for name, value in (operation.example or {}).items()
        if name not in ("timezone", "now")
    }
    assert operation.gather is not None

    gathered = validation.to_json(operation.gather(alice, validation.parse(operation, given), NOW))

    assert gathered["timezone"] == "Asia/Tokyo"
    if "now" in gathered:
        assert gathered["now"] == "2026-11-21T21:00:00+09:00"


def test_usage_cannot_be_given_by_a_person() -> None:
    with pytest.raises(validation.InvalidParameters, match="usage is not a parameter"):
        validation.parse(registry.get("analytics-summary"), {"usage": {}})
