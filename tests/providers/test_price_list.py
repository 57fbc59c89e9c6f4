"""Against the installed genai-prices: its prices may change with an upgrade, its shape may not."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage as ListedUsage
from genai_prices import calc_price

from providers import price_list, vendors
from providers.protocol import Usage

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LISTED = [
    (vendor.priced_as, model.name)
    for vendor in (vendors.ANTHROPIC, vendors.DEEPSEEK, vendors.GEMINI, vendors.OPENAI)
    for model in vendor.models
]


@pytest.mark.parametrize(("vendor", "model"), LISTED)
@pytest.mark.parametrize("hour", [0, 2, 5, 8, 12])
def test_a_card_agrees_with_the_list_on_a_working_day(vendor: str, model: str, hour: int) -> None:
    at = NOW.replace(hour=hour)
    [first, *_] = price_list.versions(vendor, model, now=NOW)

    for tokens, cached in ((1_000, 300), (150_000, 0), (300_000, 0)):
        listed = calc_price(
            ListedUsage(input_tokens=tokens, output_tokens=500, cache_read_tokens=cached),
            model,
            provider_id=vendor,
            genai_request_timestamp=at,
        )
        cost = first.card.cost_usd(Usage(tokens, 500, cached_tokens=cached), at=at)
        assert cost == round(listed.total_price, 9)


@pytest.mark.parametrize(
    ("at", "is_peak"),
    [
        ("2026-11-23T02:00Z", True),  # Monday
        ("2026-11-27T09:59Z", True),  # Friday
        ("2026-11-28T02:00Z", False),  # Saturday
        ("2026-11-29T08:00Z", False),  # Sunday
        ("2026-10-01T02:00Z", False),  # China's National Day, a Thursday
        ("2026-10-08T02:00Z", True),  # the Thursday after that week
    ],
)
def test_deepseek_peaks_on_working_days_only(at: str, *, is_peak: bool) -> None:
    [version] = price_list.versions("deepseek", "deepseek-flash", now=NOW)
    moment = datetime.fromisoformat(at)
    off_peak = version.card.cost_usd(Usage(1_000_000, 0), at=NOW)
    assert off_peak is not None

    cost = version.card.cost_usd(Usage(1_000_000, 0), at=moment)

    assert cost == (off_peak * 2 if is_peak else off_peak)


@pytest.mark.parametrize("model", [model.name for model in vendors.GEMINI.models])
def test_gemini_has_a_flex_tier_at_about_half(model: str) -> None:
    [first, *_] = price_list.versions("google", model, now=NOW)
    usage = Usage(10_000, 10_000)
    standard = first.card.cost_usd(usage, at=NOW)
    flex = first.card.cost_usd(usage, at=NOW, tier="flex")

    assert standard is not None
    assert flex == standard / 2


def test_deepseek_has_no_flex_tier() -> None:
    [version] = price_list.versions("deepseek", "deepseek-flash", now=NOW)

    assert version.card.cost_usd(Usage(1, 1), at=NOW, tier="flex") is None


def test_an_announced_price_is_a_version_of_its_own() -> None:
    now, later = price_list.versions("google", "gemini-3.8-flash", now=NOW)

    assert later.valid_from == datetime(2027, 1, 1, tzinfo=UTC)
    assert now.card.ceiling_usd(1_000_000, 0) == Decimal("0.75")
    assert later.card.ceiling_usd(1_000_000, 0) == Decimal("1.5")


def test_an_unknown_model_has_no_price() -> None:
    assert price_list.versions("openai", "no-such-model", now=NOW) == []
    assert price_list.versions("no-such-vendor", "gpt-6-luna", now=NOW) == []
