from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser
from django.utils import timezone

from core.commands import HelixCommand
from core.errors import DomainError
from providers import catalogue, price_list, services
from providers.models import ModelPrice, ProviderModel
from providers.pricing import Band, RateCard, Rates

DEAREST = Decimal(1_000_000)  # USD per million tokens; more is a slip of the hand


class Command(HelixCommand):
    help = "Show what models cost, read the installed price list again, or set a price by hand."

    def add_arguments(self, parser: CommandParser) -> None:
        listing = self.add_verb(
            parser, "list", self.list, about="Show prices in USD per million tokens."
        )
        listing.add_argument("--all", action="store_true", help="past and coming versions, too")
        self.add_verb(
            parser,
            "snapshot",
            self.snapshot,
            about="Add a version wherever the installed price list differs.",
        )
        price = self.add_verb(
            parser, "set", self.set, about="Price a model that no price list knows, from now on."
        )
        price.add_argument("model", help="provider:model, as `prices list` shows it")
        price.add_argument("--input", required=True, metavar="USD", help="per million tokens")
        price.add_argument("--output", required=True, metavar="USD", help="per million tokens")

    def list(self, **options: Any) -> None:
        in_force = {price.pk for price in catalogue.prices_at(timezone.now()).values()}
        versions = ModelPrice.objects.select_related("model__provider").order_by(
            "model__provider__rank", "model__rank", "valid_from"
        )
        shown = [price for price in versions if options["all"] or price.pk in in_force]
        unpriced = ProviderModel.objects.select_related("provider").filter(
            prices__isnull=True, is_retired=False
        )
        data = [_as_data(price, in_force) for price in shown]
        data += [{"model": _ref(model), "id": None, "rates": None} for model in unpriced]
        lines = [line for price in shown for line in _lines(price, in_force)]
        lines += [f"{_ref(model):<36} unknown: `prices set` prices it" for model in unpriced]
        self.emit(data, "\n".join(lines))

    def snapshot(self, **_: Any) -> None:
        added = services.snapshot_prices(by=None)
        in_force = {price.pk for price in catalogue.prices_at(timezone.now()).values()}
        self.emit(
            {"source": price_list.source(), "added": [_as_data(each, in_force) for each in added]},
            "\n".join(
                [
                    f"Read {price_list.source()}: {len(added)} new versions.",
                    *(line for price in added for line in _lines(price, in_force)),
                ]
            ),
        )

    def set(self, *, model: str, **options: Any) -> None:
        price = services.set_price(
            model,
            input_usd=_usd("--input", options["input"]),
            output_usd=_usd("--output", options["output"]),
            by=None,
        )
        self.emit(_as_data(price, {price.pk}), "\n".join(_lines(price, {price.pk})))


def _usd(option: str, text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount <= DEAREST:
        raise DomainError(f"{option} must be USD per million tokens, such as 0.25, not “{text}”.")
    return amount


def _ref(model: ProviderModel) -> str:
    return f"{model.provider.name}:{model.name}"


def _as_data(price: ModelPrice, in_force: set[UUID]) -> dict[str, Any]:
    return {
        "model": _ref(price.model),
        "id": price.pk,
        "valid_from": price.valid_from,
        "is_in_force": price.pk in in_force,
        "source": price.source,
        "rates": price.rates,
    }


def _lines(price: ModelPrice, in_force: set[UUID]) -> list[str]:
    mark = "" if price.pk in in_force else f"  (from {price.valid_from:%Y-%m-%d})"
    card = price.card
    standard = card.tiers.get("standard", ())
    lines = [f"{_ref(price.model):<36} {_cheapest(standard)}{mark}"]
    lines += [f"{'':<36} {_words(rates)}  {note}" for rates, note in _exceptions(card)]
    return [line.rstrip() for line in lines]


def _cheapest(bands: tuple[Band, ...]) -> str:
    return _words(bands[-1].steps[0]) if bands else "unknown"


def _exceptions(card: RateCard) -> list[tuple[Rates, str]]:
    """Return the other rates, each with when they hold."""
    found = []
    for tier, bands in card.tiers.items():
        if tier != "standard" and bands == card.tiers.get("standard"):
            continue
        for band in bands:
            hours = " and ".join(f"{w.start:%H:%M}-{w.end:%H:%M}" for w in band.windows)
            for rates in band.steps:
                notes = [str(tier)] if tier != "standard" else []
                notes += [f"{hours} UTC on working days"] if hours else []
                notes += [f"above {rates.above:,} tokens"] if rates.above else []
                if notes:
                    found.append((rates, ", ".join(notes)))
    return found


def _words(rates: Rates) -> str:
    return "  ".join(
        f"{name} {'?' if rate is None else format(rate.normalize(), 'f'):<7}"
        for name, rate in (("in", rates.input), ("cached", rates.cached), ("out", rates.output))
    )
