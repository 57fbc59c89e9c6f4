from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from providers.pricing import Band, RateCard, Rates, Window, flat
from providers.protocol import Usage

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)  # a Monday

STEPPED = RateCard(
    {
        "standard": (
            Band(
                steps=(
                    Rates(Decimal("0.1"), Decimal("0.01"), Decimal("0.125"), Decimal("0.5")),
                    Rates(
                        Decimal("0.5"), Decimal("0.05"), Decimal("0.625"), Decimal("2.5"), 100_000
                    ),
                )
            ),
        )
    }
)
PEAK = Window(
    time(1),
    time(4),
    weekdays=frozenset(range(5)),
    not_on=frozenset({date(2026, 10, 1)}),
)
HOURLY = RateCard(
    {
        "standard": (
            Band(steps=(Rates(input=Decimal(2), output=Decimal(4)),), windows=(PEAK,)),
            Band(steps=(Rates(input=Decimal(1), output=Decimal(2)),)),
        )
    }
)


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (Usage(1_000_000, 0), "0.5"),
        (Usage(100_000, 0), "0.01"),  # a step begins above its number
        (Usage(100_001, 0), "0.0500005"),
        (Usage(0, 1_000), "0.0005"),
        (Usage(1_000, 0, cached_tokens=1_000), "0.00001"),
        (Usage(1_000, 0, cached_tokens=400, cache_write_tokens=400), "0.000074"),
        (Usage(100_001, 1, cached_tokens=100_001), "0.005002550"),
        (Usage(0, 0), "0"),
    ],
)
def test_cost_of_usage(usage: Usage, cost: str) -> None:
    assert STEPPED.cost_usd(usage, at=NOON) == Decimal(cost)


def test_cost_is_exact_to_a_nano_dollar() -> None:
    card = flat(Decimal("0.075"), Decimal("0.3"))

    assert card.cost_usd(Usage(1, 0), at=NOON) == Decimal("0.000000075")


def test_an_unknown_component_makes_the_cost_unknown() -> None:
    card = RateCard({"standard": (Band(steps=(Rates(input=Decimal(1), output=Decimal(2)),)),)})

    assert card.cost_usd(Usage(10, 10, cached_tokens=1), at=NOON) is None
    assert card.cost_usd(Usage(10, 10), at=NOON) is not None


def test_an_unknown_tier_makes_the_cost_unknown() -> None:
    assert STEPPED.cost_usd(Usage(10, 10), at=NOON, tier="flex") is None


def test_a_free_model_costs_nothing() -> None:
    free = flat(Decimal(0), Decimal(0))

    assert free.cost_usd(Usage(10, 10), at=NOON) == 0
    assert free.cost_usd(Usage(10, 10), at=NOON, tier="flex") == 0
    assert free.ceiling_usd(10, 10) == 0


@pytest.mark.parametrize(
    ("at", "input_rate"),
    [
        ("2026-11-23T01:00:00+00:00", 2),
        ("2026-11-23T03:59:59+00:00", 2),
        ("2026-11-23T04:00:00+00:00", 1),
        ("2026-11-23T00:59:59+00:00", 1),
        ("2026-11-21T02:00:00+00:00", 1),  # Saturday
        ("2026-10-01T02:00:00+00:00", 1),  # a holiday, a Thursday
        ("2026-11-23T10:00:00+08:00", 2),  # 02:00 UTC
        ("2026-11-22T20:00:00-05:00", 2),  # Sunday there, Monday 01:00 in UTC
    ],
)
def test_hours_are_utc_and_know_the_week(at: str, input_rate: int) -> None:
    cost = HOURLY.cost_usd(Usage(1_000_000, 0), at=datetime.fromisoformat(at))

    assert cost == input_rate


def test_a_window_may_cross_midnight() -> None:
    window = Window(time(16, 30), time(0, 30))

    assert window.holds(NOON.replace(hour=23))
    assert window.holds(NOON.replace(hour=0, minute=29))
    assert not window.holds(NOON)


def test_the_ceiling_takes_the_dearest_hour_step_and_cache_write() -> None:
    assert HOURLY.ceiling_usd(1_000_000, 1_000_000) == 6
    assert STEPPED.ceiling_usd(100_000, 0) == Decimal("0.0125")
    assert STEPPED.ceiling_usd(100_001, 1) == Decimal("0.062503125")


def test_the_ceiling_is_rounded_up() -> None:
    card = flat(Decimal("0.0001"), Decimal("0.0001"))

    assert card.ceiling_usd(1, 0) == Decimal("0.000000001")


def test_the_ceiling_of_an_unknown_price_is_unknown() -> None:
    card = RateCard({"standard": (Band(steps=(Rates(input=Decimal(1)),)),)})

    assert card.ceiling_usd(1, 1) is None
    assert RateCard({}).ceiling_usd(1, 1) is None


@pytest.mark.parametrize("card", [STEPPED, HOURLY])
@pytest.mark.parametrize("tokens", [1, 99_999, 100_000, 100_001, 250_000])
def test_no_cost_is_above_the_ceiling(card: RateCard, tokens: int) -> None:
    ceiling = card.ceiling_usd(tokens, 1_000)
    assert ceiling is not None

    for used in (0, 1, tokens // 2, tokens):
        for hour in range(24):
            cost = card.cost_usd(Usage(used, 1_000), at=NOON.replace(hour=hour))
            assert cost is not None
            assert cost <= ceiling


@pytest.mark.parametrize("card", [STEPPED, HOURLY, flat(Decimal(10), Decimal("0.30"))])
def test_a_card_survives_its_json(card: RateCard) -> None:
    assert RateCard.from_json(card.to_json()) == card
