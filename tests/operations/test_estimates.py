from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal
from math import exp
from typing import Any

import pytest

from operations.estimates import Estimate, History, estimate
from providers.pricing import RateCard, flat
from providers.protocol import Usage

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CARD = flat(Decimal("0.5"), Decimal(3))  # USD per million tokens


def estimated(history: History | None = None, **changes: Any) -> Estimate:
    asked: dict[str, Any] = {
        "input_tokens": 1_000,
        "history": history or History(),
        "prior_output": 200,
        "card": CARD,
        "at": NOW,
    }
    found = estimate(**{**asked, **changes})
    assert found is not None
    return found


def cost(input_tokens: int, output_tokens: int) -> Decimal:
    usd = CARD.cost_usd(Usage(input_tokens, output_tokens), at=NOW)
    assert usd is not None
    return usd


def test_without_history_it_is_the_prior_and_rough() -> None:
    found = estimated()

    assert found.mid_usd == cost(1_000, 200)
    assert Decimal(0) < found.low_usd < found.mid_usd < found.high_usd
    assert found.is_rough


@pytest.mark.parametrize(("runs", "is_rough"), [(0, True), (4, True), (5, False), (200, False)])
def test_it_is_rough_under_five_runs(runs: int, *, is_rough: bool) -> None:
    assert estimated(History.of([(1_000, 100)] * runs)).is_rough is is_rough


def test_history_draws_the_middle_to_itself_and_narrows_the_range() -> None:
    few, many = (estimated(History.of([(1_200, 50)] * runs)) for runs in (3, 200))

    assert cost(1_200, 50) < many.mid_usd < few.mid_usd < cost(1_000, 200)
    assert many.mid_usd == pytest.approx(cost(1_200, 50), rel=Decimal("0.05"))
    assert many.high_usd - many.low_usd < few.high_usd - few.low_usd


def test_the_answer_grows_with_the_prompt_where_history_says_so() -> None:
    history = History.of([(size, size // 2) for size in range(500, 4_000, 20)])

    small, large = (estimated(history, input_tokens=size) for size in (600, 3_600))

    assert small.mid_usd == pytest.approx(cost(600, 300), rel=Decimal("0.15"))
    assert large.mid_usd == pytest.approx(cost(3_600, 1_800), rel=Decimal("0.15"))


def test_a_prompt_unlike_the_history_is_estimated_without_it() -> None:
    history = History.of([(100, 10)] * 200)

    found = estimated(history, input_tokens=50_000, prior_output=2_000)

    assert found == estimated(input_tokens=50_000, prior_output=2_000)
    assert found.is_rough


def test_an_unknown_price_gives_no_estimate() -> None:
    assert (
        estimate(input_tokens=1, history=History(), prior_output=1, card=RateCard(), at=NOW) is None
    )


def test_a_free_model_costs_nothing() -> None:
    free = estimated(card=flat(Decimal(0), Decimal(0)))

    assert {free.low_usd, free.mid_usd, free.high_usd} == {Decimal(0)}


@pytest.mark.parametrize("runs", [(0, 0), (10**9, 10**9)])
def test_absurd_runs_are_survived(runs: tuple[int, int]) -> None:
    found = estimated(History.of([runs] * 200), input_tokens=runs[0], prior_output=0)

    assert found.low_usd <= found.mid_usd <= found.high_usd


def test_eight_in_ten_runs_of_a_steady_kind_fall_into_the_range() -> None:
    chance = random.Random(7)  # noqa: S311

    def run() -> tuple[int, int]:
        return round(1_100 * exp(chance.gauss(0, 0.02))), round(200 * exp(chance.gauss(0, 0.25)))

    found = estimated(History.of([run() for _ in range(200)]))
    within = sum(found.low_usd <= cost(*run()) <= found.high_usd for _ in range(2_000))

    assert 0.72 < within / 2_000 < 0.88
