"""Rate cards from the installed genai-prices, with what it cannot say yet put right.

The package is read offline: prices change when it is upgraded, never by themselves. It is imported
inside functions, because its data takes a second (and 16 MB) that only a snapshot needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from providers.pricing import EVERY_DAY, Band, RateCard, Rates, Window
from providers.protocol import Tier
from providers.versions import Version

if TYPE_CHECKING:
    from genai_prices import types

# The first moment of a version whose beginning the price list does not tell.
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)

_COMPONENTS = {
    "input": "input_mtok",
    "cached": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "output": "output_mtok",
}
_CONTEXTS: dict[Tier, dict[str, str]] = {
    "standard": {},
    "flex": {"service_tier": "flex"},
    "batch": {"processing": "batch"},
}


def source() -> str:
    """Return the name of the price list and of our corrections, as price versions state it."""
    return f"genai-prices {version('genai-prices')}, corrections {CORRECTED_ON.isoformat()}"


# --- corrections --------------------------------------------------------------------------------
CORRECTED_ON = date(2026, 11, 21)

_MONDAY_TO_FRIDAY = frozenset(range(5))


def _days(first: str, last: str) -> list[date]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [date.fromordinal(day) for day in range(start.toordinal(), end.toordinal() + 1)]


# China's public holidays. For 2026 as the State Council announced them (notice 7 of 2025); for 2027
# the days that its decree 795 fixes and that fall on Monday to Friday: the notice, due each
# November, adds bridging days. A holiday missing here is billed at the peak price: too much, never
# too little.
_HOLIDAYS_CN = frozenset(
    [
        *_days("2026-01-01", "2026-01-03"),
        *_days("2026-02-15", "2026-02-23"),
        *_days("2026-04-04", "2026-04-06"),
        *_days("2026-05-01", "2026-05-05"),
        *_days("2026-06-19", "2026-06-21"),
        *_days("2026-09-25", "2026-09-27"),
        *_days("2026-10-01", "2026-10-07"),
        date(2027, 1, 1),  # New Year
        date(2027, 2, 5),  # the eve of Spring Festival
        date(2027, 2, 8),  # its third day
        date(2027, 4, 5),  # Tomb-Sweeping Day
        date(2027, 6, 9),  # Dragon Boat Festival
        date(2027, 9, 15),  # Mid-Autumn Festival
        date(2027, 10, 1),  # National Day
    ]
)


@dataclass(frozen=True, kw_only=True)
class Correction:
    """What genai-prices cannot say about a vendor's prices, and who says so.

    `peak_weekdays` and `peak_not_on` narrow the hours at which the peak price holds. `has_flex`
    adds a flex tier where the list has none: the batch rates, which the vendor lists at the same
    half, else half of input and output with caching at its full price.
    """

    because: str
    source_url: str
    peak_weekdays: frozenset[int] = EVERY_DAY
    peak_not_on: frozenset[date] = frozenset()
    has_flex: bool = False


CORRECTIONS: dict[str, Correction] = {
    "deepseek": Correction(
        because=(
            "Peak hours are Monday to Friday except China's public holidays; the list's peak holds "
            "every day (genai-prices issue 582). Both windows lie on one date in UTC and Beijing."
        ),
        source_url="https://api-docs.deepseek.com/quick_start/pricing",
        peak_weekdays=_MONDAY_TO_FRIDAY,
        peak_not_on=_HOLIDAYS_CN,
    ),
    "google": Correction(
        because="Flex costs half of standard; the list has flex rows for speech models only.",
        source_url="https://ai.google.dev/gemini-api/docs/flex-inference",
        has_flex=True,
    ),
}


def _corrected(card: RateCard, correction: Correction | None) -> RateCard:
    if correction is None:
        return card
    tiers = dict(card.tiers)
    for tier, bands in card.tiers.items():
        tiers[tier] = tuple(_narrowed(band, correction) for band in bands)
    if correction.has_flex and "flex" not in tiers and "standard" in tiers:
        tiers["flex"] = tiers.get("batch") or tuple(map(_halved, tiers["standard"]))
    return RateCard(tiers)


def _narrowed(band: Band, correction: Correction) -> Band:
    windows = tuple(
        replace(window, weekdays=correction.peak_weekdays, not_on=correction.peak_not_on)
        for window in band.windows
    )
    return replace(band, windows=windows)


def _halved(band: Band) -> Band:
    def half(rate: Decimal | None) -> Decimal | None:
        return None if rate is None else rate / 2

    return replace(
        band,
        steps=tuple(
            replace(rates, input=half(rates.input), output=half(rates.output))
            for rates in band.steps
        ),
    )


# --- reading the list ---------------------------------------------------------------------------
def versions(vendor: str, model: str, *, now: datetime) -> list[Version]:
    """Return the card that holds now and those announced for later; empty where none is known."""
    info = _find(vendor, model)
    if info is None:
        return []
    starts = _start_dates(info)
    current = max((start for start in starts if start <= now.date()), default=None)
    moments = [EARLIEST if current is None else _midnight(current)]
    moments += [_midnight(start) for start in starts if start > now.date()]
    found: list[Version] = []
    for moment in moments:
        card = _corrected(_card(info, moment.date()), CORRECTIONS.get(vendor))
        if not found or found[-1].card != card:
            found.append(Version(moment, card))
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _find(vendor: str, model: str) -> types.ModelInfo | None:
    from genai_prices.data import providers

    offered = next((provider for provider in providers if provider.id == vendor), None)
    if offered is None:
        return None
    return next((info for info in offered.models if info.is_match(model)), None)


def _start_dates(info: types.ModelInfo) -> list[date]:
    from genai_prices.types import StartDateConstraint

    conditions = [*_conditional(info), *(info.price_variants or ())]
    return sorted(
        {
            condition.constraint.start_date
            for condition in conditions
            if isinstance(condition.constraint, StartDateConstraint)
        }
    )


def _conditional(info: types.ModelInfo) -> Sequence[types.ConditionalPrice]:
    from genai_prices.types import ConditionalPrice

    if isinstance(info.prices, list):
        return info.prices
    return [ConditionalPrice(prices=info.prices)]


def _card(info: types.ModelInfo, day: date) -> RateCard:
    """Return the card of one day. Conditions of the hour become windows of the card."""
    tiers: dict[Tier, tuple[Band, ...]] = {}
    for tier, context in _CONTEXTS.items():
        overrides = _overrides(info, day, context)
        if context and not overrides:
            continue
        tiers[tier] = tuple(
            Band(steps=_steps({**vars(prices), **overrides}), windows=windows)
            for windows, prices in _bands(info, day)
        )
    return RateCard(tiers)


def _bands(info: types.ModelInfo, day: date) -> list[tuple[tuple[Window, ...], types.ModelPrice]]:
    """Return the standard prices of one day: those of certain hours, then those of the rest.

    The last condition that holds wins in genai-prices, so its list is read backwards until one
    holds at all hours; equal prices in two windows become one band with both.
    """
    from genai_prices.types import TimeOfDateConstraint

    conditions = _conditional(info)
    hourly: list[tuple[tuple[Window, ...], types.ModelPrice]] = []
    rest = conditions[0].prices
    for condition in reversed(conditions):
        limit = condition.constraint
        if isinstance(limit, TimeOfDateConstraint):
            window = Window(_clock(limit.start_time), _clock(limit.end_time))
            if hourly and hourly[-1][1] == condition.prices:
                hourly[-1] = ((window, *hourly[-1][0]), condition.prices)
            else:
                hourly.append(((window,), condition.prices))
        elif limit is None or limit.start_date <= day:
            rest = condition.prices
            break
    return [*hourly, ((), rest)]


def _clock(stated: time) -> time:
    """Return a time of day in UTC; genai-prices means UTC where it names no zone."""
    aware = datetime.combine(EARLIEST.date(), stated, stated.tzinfo or UTC)
    return aware.astimezone(UTC).time()


def _overrides(info: types.ModelInfo, day: date, context: Mapping[str, str]) -> dict[str, Any]:
    """Return the prices that the list states for this tier on this day; the first one wins."""
    from genai_prices.types import StartDateConstraint

    found: dict[str, Any] = {}
    if not context:
        return found
    for variant in info.price_variants or ():
        limit = variant.constraint
        if variant.when != context:
            continue
        if isinstance(limit, StartDateConstraint) and limit.start_date > day:
            continue
        for key, price in vars(variant.prices).items():
            found.setdefault(key, price)
    return found


def _steps(prices: Mapping[str, Any]) -> tuple[Rates, ...]:
    from genai_prices.types import TieredPrices

    stated = {name: prices.get(key) for name, key in _COMPONENTS.items()}
    starts = {0} | {
        tier.start
        for price in stated.values()
        if isinstance(price, TieredPrices)
        for tier in price.tiers
    }
    return tuple(
        Rates(above=above, **{name: _rate(price, above) for name, price in stated.items()})
        for above in sorted(starts)
    )


def _rate(price: Any, above: int) -> Decimal | None:
    from genai_prices.types import TieredPrices

    if not isinstance(price, TieredPrices):
        return price if price is None else Decimal(price)
    rate = price.base
    for tier in price.tiers:
        if tier.start <= above:
            rate = tier.price
    return rate
