"""What is recorded of providers and prices, in plain words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from core.sentences import Change, Named, namer, sentence
from providers.models import Provider

if TYPE_CHECKING:
    from accounts.models import User


@namer("providers.provider")
def name_providers(user: User, keys: Collection[str]) -> Mapping[str, Named]:
    found = Provider.objects.filter(pk__in=keys).values_list("pk", "label")
    return {str(pk): Named(label) for pk, label in found}


def _provider(change: Change) -> str:
    return f"the provider “{change.name}”" if change.name else "a provider"


@sentence("provider.limits_set")
def tell_limits_set(change: Change) -> str:
    return f"Set how much a minute is asked of {_provider(change)}."


@sentence("provider.key_ref_set")
def tell_key_ref_set(change: Change) -> str:
    return f"Set where the key of {_provider(change)} is: {change.told('key_ref')}."


@sentence("model_price.added")
def tell_price_added(change: Change) -> str:
    return f"Added a price of {change.told('model')}, valid from {change.told('valid_from')[:10]}."
