"""A frozen view of providers, models and prices, kept in the process.

The engine asks for it on every run, so it is read from the database at most every 30 seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from django.utils import timezone

from core.secrets.secret import fingerprint
from providers import keys, simulated, vendors
from providers.models import ModelPrice, Provider, ProviderModel
from providers.pricing import RateCard

MAX_AGE_S = 30.0  # how long a change in another process may go unseen

Quality = Literal["cheap", "quality"]


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """A provider. An empty `base_url` is the vendor's own; `is_configured` says it can be asked."""

    name: str
    label: str
    kind: str
    base_url: str
    key_ref: str
    is_configured: bool
    is_simulated: bool
    rank: int
    requests_per_minute: int | None
    tokens_per_minute: int | None
    key_fingerprint: str = ""  # changes when the key does: a refused key's pause ends with it
    missing: str = ""  # what keeps it from being asked, and the mend; empty when configured
    is_faulty: bool = False  # it names a key that cannot be read: not just left out


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model and its prices of this moment; `card` is None where they are unknown, not free."""

    ref: str  # "provider:model"
    provider: str
    name: str
    label: str
    tier: str
    is_retired: bool
    max_output_tokens: int | None
    card: RateCard | None
    price_id: UUID | None
    thinking_tokens: int = 0  # to add to what an answer needs: this model thinks all the same


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """Providers by name and models by ref, both in the order in which they are tried.

    Equal only to itself, so that what is derived from it can be cached by it.
    """

    providers: Mapping[str, ProviderInfo]
    models: Mapping[str, ModelInfo]

    def provider_of(self, model: ModelInfo) -> ProviderInfo:
        return self.providers[model.provider]

    def refusal_of(self, ref: str) -> str:
        """Return why no one may choose the model `ref`, to follow a field's name; "" if they may.

        What was chosen before its model was retired goes on: that is for the router to say.
        """
        model = self.models.get(ref)
        if model is not None and not model.is_retired:
            return ""
        offered = sorted(each.ref for each in self.models.values() if not each.is_retired)
        what = f"names no model, “{ref}”" if model is None else f"names “{ref}”, which is retired"
        return f"{what}. Choose one of: {', '.join(offered)}."

    def models_of(self, provider: str) -> Iterator[ModelInfo]:
        """Yield the provider's models that are still offered, defaults first."""
        return (
            model
            for model in self.models.values()
            if model.provider == provider and not model.is_retired
        )

    def default_model(self, provider: str, tier: str) -> ModelInfo | None:
        """Return the provider's first model of `tier`, else its first of any; None: it has none."""
        offered = list(self.models_of(provider))
        return next((model for model in offered if model.tier == tier), next(iter(offered), None))


_kept: tuple[float, Catalogue] | None = None


def snapshot() -> Catalogue:
    """Return the catalogue, at most `MAX_AGE_S` old. Reads the database in the calling thread."""
    global _kept  # noqa: PLW0603  one per process is the point
    now = time.monotonic()
    kept = _kept
    if kept is not None and now - kept[0] < MAX_AGE_S:
        return kept[1]
    catalogue = load(at=timezone.now())
    _kept = (now, catalogue)
    return catalogue


def invalidate() -> None:
    """Forget the kept catalogue of this process; the others follow within `MAX_AGE_S`."""
    global _kept  # noqa: PLW0603
    _kept = None


def load(*, at: datetime) -> Catalogue:
    """Read the catalogue with the prices in force at `at`: three queries."""
    prices = prices_at(at)
    providers = {row.name: _provider_info(row) for row in Provider.objects.all()}
    models = {}
    for row in ProviderModel.objects.select_related("provider"):
        info = _model_info(row, prices.get(row.pk))
        models[info.ref] = info
    return Catalogue(providers=providers, models=models)


def prices_at(at: datetime) -> dict[UUID, ModelPrice]:
    """Return the version in force by model; before the first version, that one."""
    found: dict[UUID, ModelPrice] = {}
    for price in ModelPrice.objects.order_by("valid_from"):
        if price.valid_from <= at or price.model_id not in found:
            found[price.model_id] = price
    return found


def _provider_info(row: Provider) -> ProviderInfo:
    is_simulated = row.kind == Provider.Kind.SIMULATED
    base_url = vendors.base_url(row.name)
    found = keys.look(row.key_ref)
    missing = _missing(row, base_url, found)
    return ProviderInfo(
        name=row.name,
        label=row.label,
        kind=row.kind,
        base_url=base_url,
        key_ref=row.key_ref,
        is_configured=not missing,
        is_simulated=is_simulated,
        rank=row.rank,
        requests_per_minute=row.requests_per_minute,
        tokens_per_minute=row.tokens_per_minute,
        key_fingerprint=fingerprint(found.key) if found.key is not None else "",
        missing=missing,
        is_faulty=not found.is_absent and found.key is None,
    )


def _missing(row: Provider, base_url: str, found: keys.Look) -> str:
    """Return what keeps the provider from being asked; empty when nothing does."""
    match row.kind:
        case Provider.Kind.LOCAL:
            return ""
        case Provider.Kind.SIMULATED:
            return "" if simulated.options() is not None else "set HELIX_SIMULATED_PROVIDER."
        case Provider.Kind.COMPATIBLE if not base_url:
            return "set OPENAI_COMPATIBLE_BASE_URL."
        case Provider.Kind.COMPATIBLE if found.is_absent:
            return ""  # many such servers ask for no key
    if found.key is not None:
        return ""
    if found.is_absent:
        return f"set {row.key_ref or 'a reference to its key (`providers set --key-ref`)'}."
    return f"its key cannot be read: {found.reason}"


def _model_info(row: ProviderModel, price: ModelPrice | None) -> ModelInfo:
    return ModelInfo(
        ref=f"{row.provider.name}:{row.name}",
        provider=row.provider.name,
        name=row.name,
        label=row.label,
        tier=row.tier,
        is_retired=row.is_retired,
        max_output_tokens=row.max_output_tokens,
        card=price.card if price else None,
        price_id=price.pk if price else None,
        thinking_tokens=row.thinking_tokens,
    )
