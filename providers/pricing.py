"""What a call costs: a rate card of USD per million tokens, by tier, hour and prompt length.

A card is what one `ModelPrice` row says, so a run priced by its pinned row is priced the same for
ever. No clock, no database: the moment comes with the question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from core.money import round_cost, round_up
from providers.protocol import Tier, Usage

_PER_MILLION = Decimal("1e-6")
EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per million tokens for prompts of more than `above` tokens; None is unknown, not free."""

    input: Decimal | None = None
    cached: Decimal | None = None
    cache_write: Decimal | None = None
    output: Decimal | None = None
    above: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """A daily stretch of UTC time, `start` included and `end` not, on some days of the week."""

    start: time
    end: time
    weekdays: frozenset[int] = EVERY_DAY  # Monday is 0
    not_on: frozenset[date] = frozenset()

    def holds(self, at: datetime) -> bool:
        moment = at.astimezone(UTC)
        day, clock = moment.date(), moment.time()
        if day.weekday() not in self.weekdays or day in self.not_on:
            return False
        if self.start <= self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


@dataclass(frozen=True, slots=True)
class Band:
    """Rates that hold inside `windows`, or always where there are none.

    `steps` rise by `above`. A prompt beyond a step pays its rates for every token, as all vendors
    bill it.
    """

    steps: tuple[Rates, ...]
    windows: tuple[Window, ...] = ()

    def holds(self, at: datetime) -> bool:
        return not self.windows or any(window.holds(at) for window in self.windows)

    def rates(self, input_tokens: int) -> Rates:
        for rates in reversed(self.steps):
            if input_tokens > rates.above:
                return rates
        return self.steps[0]


@dataclass(frozen=True, slots=True)
class RateCard:
    """The prices of one model. In each tier the first band that holds is the one billed."""

    tiers: Mapping[Tier, tuple[Band, ...]] = field(default_factory=dict)

    def cost_usd(self, usage: Usage, *, at: datetime, tier: Tier = "standard") -> Decimal | None:
        """Return what `usage` costs in USD, or None when a price it needs is unknown.

        Free and unknown differ: a free model has rates of 0. Cached and cache-write tokens are part
        of `usage.input_tokens` and are billed at their own rates.
        """
        band = next((band for band in self.tiers.get(tier, ()) if band.holds(at)), None)
        if band is None:
            return None
        rates = band.rates(usage.input_tokens)
        fresh = usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens
        total = Decimal(0)
        for tokens, rate in (
            (max(fresh, 0), rates.input),
            (usage.cached_tokens, rates.cached),
            (usage.cache_write_tokens, rates.cache_write),
            (usage.output_tokens, rates.output),
        ):
            if not tokens:
                continue
            if rate is None:
                return None
            total += tokens * rate
        return round_cost(total * _PER_MILLION)

    def ceiling_usd(self, input_tokens: int, output_tokens: int) -> Decimal | None:
        """Return the most that up to so many tokens can cost, or None when a price is unknown.

        The dearest of all hours and of all steps within reach, every input token written to the
        cache where that is dearer, in the standard tier: the tier that Helix asks for unless told
        otherwise, and the dearest of those it ever asks for. Rounded up to a nano-dollar.
        """
        dearest: Decimal | None = None
        for band in self.tiers.get("standard", ()):
            for rates in band.steps:
                if rates.above and input_tokens <= rates.above:
                    continue
                if rates.input is None or rates.output is None:
                    return None
                inward = max(
                    rate
                    for rate in (rates.input, rates.cached, rates.cache_write)
                    if rate is not None
                )
                total = (input_tokens * inward + output_tokens * rates.output) * _PER_MILLION
                dearest = total if dearest is None else max(dearest, total)
        return None if dearest is None else round_up(dearest)

    def to_json(self) -> dict[str, Any]:
        """Return the form that `ModelPrice.rates` holds; equal cards give equal text."""
        return {tier: [_band_to_json(band) for band in bands] for tier, bands in self.tiers.items()}

    @classmethod
    def from_json(cls, data: Mapping[Any, Sequence[Mapping[str, Any]]]) -> RateCard:
        return cls({tier: tuple(map(_band_from_json, bands)) for tier, bands in data.items()})


def flat(input_usd: Decimal, output_usd: Decimal) -> RateCard:
    """Return a card with one price at all hours and in all tiers, cached input included."""
    band = Band(steps=(Rates(input_usd, input_usd, input_usd, output_usd),))
    return RateCard({"standard": (band,), "flex": (band,), "batch": (band,)})


_COMPONENTS = ("input", "cached", "cache_write", "output")


def _band_to_json(band: Band) -> dict[str, Any]:
    data: dict[str, Any] = {"steps": [_rates_to_json(rates) for rates in band.steps]}
    if band.windows:
        data["windows"] = [_window_to_json(window) for window in band.windows]
    return data


def _rates_to_json(rates: Rates) -> dict[str, Any]:
    known = {name: getattr(rates, name) for name in _COMPONENTS}
    return {"above": rates.above} | {
        name: format(rate.normalize(), "f") for name, rate in known.items() if rate is not None
    }


def _window_to_json(window: Window) -> dict[str, Any]:
    return {
        "start": window.start.isoformat("minutes"),
        "end": window.end.isoformat("minutes"),
        "weekdays": sorted(window.weekdays),
        "not_on": sorted(day.isoformat() for day in window.not_on),
    }


def _band_from_json(data: Mapping[str, Any]) -> Band:
    return Band(
        steps=tuple(
            Rates(
                above=step["above"],
                **{name: Decimal(step[name]) for name in _COMPONENTS if name in step},
            )
            for step in data["steps"]
        ),
        windows=tuple(
            Window(
                start=time.fromisoformat(window["start"]),
                end=time.fromisoformat(window["end"]),
                weekdays=frozenset(window["weekdays"]),
                not_on=frozenset(map(date.fromisoformat, window["not_on"])),
            )
            for window in data.get("windows", ())
        ),
    )
