"""What happens to the catalogue when the code, a price list or an operator changes it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit import services as audit
from core.errors import DomainError
from core.secrets.references import parse
from providers import catalogue, price_list, vendors
from providers.models import ModelPrice, Provider, ProviderModel
from providers.pricing import flat
from providers.vendors import KnownModel, Vendor
from providers.versions import Version, missing

BUILT_IN = "built in"
BY_HAND = "set by hand"  # a snapshot leaves such a model alone


class UnknownProvider(DomainError):
    """There is no provider of this name."""


def find_provider(name: str) -> Provider:
    try:
        return Provider.objects.get(name=name)
    except Provider.DoesNotExist:
        known = ", ".join(Provider.objects.values_list("name", flat=True))
        raise UnknownProvider(f"There is no provider “{name}”. Choose one of: {known}.") from None


class UnknownModel(DomainError):
    """There is no model of this name."""


def find_model(ref: str) -> ProviderModel:
    """Return the model called `provider:model`, or raise `UnknownModel`."""
    provider, _, name = ref.partition(":")
    try:
        return ProviderModel.objects.select_related("provider").get(
            provider__name=provider, name=name
        )
    except ProviderModel.DoesNotExist:
        raise UnknownModel(
            f"There is no model “{ref}”. Write it as provider:model, as `prices list` shows it."
        ) from None


# --- seeding ------------------------------------------------------------------------------------
def sync_catalogue() -> None:
    """Bring the tables in line with `providers.vendors`: three queries where they already are.

    Labels, ranks and models follow the code; limits and references to keys stay as operators set
    them. Models that the code no longer names are retired. Prices are read from the price list
    where a model has none, or where the newest ones come from an older list.
    """
    now = timezone.now()
    known = list(vendors.known_vendors())
    with transaction.atomic():
        changed = _sync_providers(known)
        changed = _sync_models(known) or changed
        prices = _prices()
        if _prices_are_stale(known, prices):
            changed = bool(_add_versions(known, prices, now=now)) or changed
    if changed:
        _forget()


def _sync_providers(known: list[Vendor]) -> bool:
    rows = {row.name: row for row in Provider.objects.all()}
    new, changed = [], []
    for rank, vendor in enumerate(known):
        wanted = {"label": vendor.label, "kind": vendor.kind, "rank": rank * 10}
        row = rows.get(vendor.name)
        if row is None:
            new.append(Provider(name=vendor.name, key_ref=vendor.key_ref, **wanted))
        elif _apply(row, wanted):
            changed.append(row)
    if new:
        Provider.objects.bulk_create(new)
    if changed:
        Provider.objects.bulk_update(changed, ["label", "kind", "rank"])
    return bool(new or changed)


def _sync_models(known: list[Vendor]) -> bool:
    rows = {(row.provider.name, row.name): row for row in _models()}
    fields = ("label", "tier", "rank", "max_output_tokens", "thinking_tokens", "is_retired")
    new, changed = [], []
    missing = {
        (vendor.name, model.name) for vendor in known for model in vendor.models
    } - rows.keys()
    providers = {row.name: row for row in Provider.objects.all()} if missing else {}
    for vendor in known:
        for rank, model in enumerate(vendor.models):
            wanted = {
                "label": model.label,
                "tier": model.tier,
                "rank": rank * 10,
                "max_output_tokens": model.max_output_tokens,
                "thinking_tokens": model.thinking_tokens,
                "is_retired": False,
            }
            row = rows.pop((vendor.name, model.name), None)
            if row is None:
                provider = providers[vendor.name]
                new.append(ProviderModel(provider=provider, name=model.name, **wanted))
            elif _apply(row, wanted):
                changed.append(row)
    changed += [row for row in rows.values() if _apply(row, {"is_retired": True})]
    if new:
        ProviderModel.objects.bulk_create(new)
    if changed:
        ProviderModel.objects.bulk_update(changed, fields)
    return bool(new or changed)


def _apply(row: Provider | ProviderModel, wanted: dict[str, Any]) -> bool:
    """Set what differs; say whether anything did."""
    differing = {name: value for name, value in wanted.items() if getattr(row, name) != value}
    for name, value in differing.items():
        setattr(row, name, value)
    return bool(differing)


def _forget() -> None:
    """Let the next reader see the change, and the one after the commit, too."""
    catalogue.invalidate()
    transaction.on_commit(catalogue.invalidate)


def _models() -> list[ProviderModel]:
    return list(ProviderModel.objects.select_related("provider"))


# --- prices -------------------------------------------------------------------------------------
def snapshot_prices(*, by: User | None = None) -> list[ModelPrice]:
    """Read the installed price list again; add and return a version wherever a price differs."""
    known = list(vendors.known_vendors())
    with transaction.atomic():
        # One writer at a time: a second would find the same differences and add them again.
        list(Provider.objects.select_for_update().order_by("pk"))
        added = _add_versions(known, _prices(), now=timezone.now())
        for price in added:
            _record_price(price, by=by)
    if added:
        _forget()
    return added


def set_price(
    model_ref: str, *, input_usd: Decimal, output_usd: Decimal, by: User | None
) -> ModelPrice:
    """Price a model that no price list knows, in USD per million tokens; it holds from now on."""
    model = find_model(model_ref)
    price = ModelPrice(
        model=model,
        valid_from=timezone.now(),
        source=BY_HAND,
        rates=flat(input_usd, output_usd).to_json(),
    )
    with transaction.atomic():
        price.save()
        _record_price(price, by=by)
    _forget()
    return price


def _record_price(price: ModelPrice, *, by: User | None) -> None:
    audit.record(
        "model_price.added",
        target=price,
        by=by,
        after={
            "model": f"{price.model.provider.name}:{price.model.name}",
            "valid_from": price.valid_from.isoformat(),
            "source": price.source,
        },
    )


def _prices() -> list[ModelPrice]:
    return list(ModelPrice.objects.select_related("model__provider").order_by("valid_from"))


def _prices_are_stale(known: list[Vendor], prices: list[ModelPrice]) -> bool:
    """Say whether reading the price list, which takes a second, could change anything."""
    newest = {(price.model.provider.name, price.model.name): price for price in prices}
    for vendor in known:
        for model in vendor.models:
            price = newest.get((vendor.name, model.name))
            if model.card is not None and (price is None or price.card != model.card):
                return True
            if vendor.priced_as and price is None:
                return True
    listed = [price for price in prices if price.source not in (BUILT_IN, BY_HAND)]
    latest = max(listed, key=lambda price: price.created_at, default=None)
    return latest is not None and latest.source != price_list.source()


def _add_versions(
    known: list[Vendor], prices: list[ModelPrice], *, now: datetime
) -> list[ModelPrice]:
    rows = {(row.provider.name, row.name): row for row in _models()}
    added = []
    for vendor in known:
        for model in vendor.models:
            row = rows.get((vendor.name, model.name))
            if row is None:
                continue  # the environment named it after the last sync
            own = [price for price in prices if price.model_id == row.pk]
            if _is_set_by_hand(own, now=now):
                continue
            source, wanted = _stated(vendor, model, now=now)
            stored = [Version(price.valid_from, price.card) for price in own]
            added += [
                ModelPrice(
                    model=row,
                    valid_from=version.valid_from,
                    source=source,
                    rates=version.card.to_json(),
                )
                for version in missing(stored, wanted, now=now)
            ]
    ModelPrice.objects.bulk_create(added)
    return added


def _is_set_by_hand(prices: list[ModelPrice], *, now: datetime) -> bool:
    """Say whether the version in force is an operator's; one that is announced does not count."""
    in_force = [price for price in prices if price.valid_from <= now]
    return bool(in_force) and in_force[-1].source == BY_HAND


def _stated(vendor: Vendor, model: KnownModel, *, now: datetime) -> tuple[str, list[Version]]:
    if model.card is not None:
        return BUILT_IN, [Version(price_list.EARLIEST, model.card)]
    if not vendor.priced_as:
        return "", []
    return price_list.source(), price_list.versions(vendor.priced_as, model.name, now=now)


# --- limits and keys ----------------------------------------------------------------------------
@transaction.atomic
def set_limits(
    name: str,
    *,
    requests_per_minute: int | None,
    tokens_per_minute: int | None,
    by: User | None,
) -> Provider:
    """Set how much a minute we ask of a provider; None is no limit of ours."""
    find_provider(name)
    provider = Provider.objects.select_for_update().get(name=name)
    before = _limits(provider)
    provider.requests_per_minute = requests_per_minute
    provider.tokens_per_minute = tokens_per_minute
    provider.full_clean()
    provider.save()
    audit.record(
        "provider.limits_set", target=provider, by=by, before=before, after=_limits(provider)
    )
    _forget()
    return provider


@transaction.atomic
def set_key_ref(name: str, *, key_ref: str, by: User | None) -> Provider:
    """Set where a provider's key is: store:NAME, env:NAME or file:NAME, never the key itself."""
    find_provider(name)
    provider = Provider.objects.select_for_update().get(name=name)
    if provider.kind in (Provider.Kind.LOCAL, Provider.Kind.SIMULATED):
        raise DomainError(f"{provider.label} needs no key.")
    reference = str(parse(key_ref))
    before = {"key_ref": provider.key_ref}
    provider.key_ref = reference
    provider.full_clean()
    provider.save()
    audit.record(
        "provider.key_ref_set",
        target=provider,
        by=by,
        before=before,
        after={"key_ref": reference},
    )
    _forget()
    return provider


def _limits(provider: Provider) -> dict[str, int | None]:
    return {
        "requests_per_minute": provider.requests_per_minute,
        "tokens_per_minute": provider.tokens_per_minute,
    }
