"""Which model is asked, and what happens after an answer that is none. Values in, values out."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from core.errors import DomainError
from operations.registry import Operation
from preferences.services import OperationChoice
from providers.catalogue import Catalogue, ModelInfo
from providers.protocol import InvalidAnswer, ProviderError

TRIES_PER_PROVIDER = 3
FIRST_PAUSE_S = 0.3
LONGEST_PAUSE_S = 8.0
LONGEST_RETRY_AFTER_S = 20.0  # a provider that asks for more is left for the next one
DEADLINE_S = 300.0  # over all attempts of a claim
MOST_FALLBACKS = 2  # of those that nobody chose


class NoModel(DomainError):
    """No model can be asked."""


def plan_route(
    operation: Operation[Any],
    choice: OperationChoice,
    catalogue: Catalogue,
    *,
    requested: str = "",
) -> tuple[ModelInfo, ...]:
    """Return the models to ask, in order: the one asked for or chosen, then its fallbacks.

    Without a choice it is the first configured provider's model of the operation's tier. `local`
    stands in for another only where the owner allows it.
    """
    first = requested or choice.model
    chosen = _find(catalogue, first) if first else _defaults(operation.tier, catalogue)[0]
    names = choice.fallbacks
    if names is None:
        others = [
            model
            for model in _defaults(operation.tier, catalogue)
            if model.provider not in (chosen.provider, "local", "simulated")
        ]
        fallbacks = others[:MOST_FALLBACKS]
    else:
        fallbacks = [_find(catalogue, name) for name in names]
    if choice.allow_local and chosen.provider != "local":
        fallbacks += catalogue.models_of("local")
    route = {model.ref: model for model in [chosen, *fallbacks]}
    return tuple(route.values())


@lru_cache(maxsize=8)
def _defaults(tier: str, catalogue: Catalogue) -> tuple[ModelInfo, ...]:
    """Return each configured provider's model of `tier`; the last is always `local`'s."""
    models = (
        catalogue.default_model(name, tier)
        for name, provider in catalogue.providers.items()
        if provider.is_configured
    )
    return tuple(model for model in models if model is not None)


def _find(catalogue: Catalogue, ref: str) -> ModelInfo:
    model = catalogue.models.get(ref)
    if model is None:
        raise NoModel(f"There is no model “{ref}”; choose one of `manage.py providers list`.")
    if not catalogue.providers[model.provider].is_configured:
        label = catalogue.providers[model.provider].label
        raise NoModel(f"{label} has no key here; set it or choose another model than “{ref}”.")
    return model


def first_untried(route: Sequence[ModelInfo], tries: Mapping[str, int]) -> int:
    """Return the place in `route` to begin at, after the tries of earlier claims.

    Raises `NoModel` when every provider has had its tries: a run that comes back from waiting for
    an outage does not begin anew.
    """
    for position, model in enumerate(route):
        if tries.get(model.provider, 0) < TRIES_PER_PROVIDER:
            return position
    names = ", ".join(dict.fromkeys(model.provider for model in route))
    raise NoModel(f"Tried {TRIES_PER_PROVIDER} times without an answer: {names}.")


@dataclass(frozen=True, slots=True)
class Again:
    """Ask `route[position]` after `pause_s`; `repairs` when the last answer is to be mended."""

    position: int
    pause_s: float = 0.0
    repairs: bool = False


def after_failure(
    error: ProviderError,
    route: Sequence[ModelInfo],
    *,
    position: int,
    tries: Mapping[str, int],
    has_repaired: bool,
    elapsed_s: float,
    jitter: float | None = None,
) -> Again | None:
    """Return what to do after `error`, or None when the run has failed.

    `tries` counts the attempts each provider has had in this claim. `jitter` is from 0 to 1.
    """
    if elapsed_s >= DEADLINE_S:
        return None
    if isinstance(error, InvalidAnswer):
        return None if has_repaired else Again(position, repairs=True)
    tried = tries.get(route[position].provider, 0)
    if error.retry_here and tried < TRIES_PER_PROVIDER:
        pause = _pause(tried, error, random.random() if jitter is None else jitter)  # noqa: S311
        if pause is not None:
            return Again(position, pause_s=pause)
    if error.try_elsewhere:
        for later in range(position + 1, len(route)):
            if tries.get(route[later].provider, 0) < TRIES_PER_PROVIDER:
                return Again(later)
    return None


def _pause(tried: int, error: ProviderError, jitter: float) -> float | None:
    if error.retry_after_s is not None:
        if error.retry_after_s > LONGEST_RETRY_AFTER_S:
            return None
        return error.retry_after_s + jitter * FIRST_PAUSE_S  # not all at the same instant
    longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** max(0, tried - 1))
    return longest * (0.5 + jitter / 2)
