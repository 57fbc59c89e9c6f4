"""One tiny real call to each provider: does it answer, how soon, and if not, why."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from core.errors import DomainError
from providers.adapters import open_adapter
from providers.catalogue import Catalogue, ModelInfo, ProviderInfo
from providers.protocol import Adapter, ProviderError, Request
from providers.services import find_provider

TIMEOUT_S = 30.0
ROOM = 64  # tokens: the answer takes five
PROMPT = "Answer with the one word: ready."


class Ready(BaseModel):
    word: str


@dataclass(frozen=True, slots=True)
class Check:
    """How one provider answered; `error` is empty when it did, and tells people why when not."""

    provider: str
    model: str = ""
    latency_ms: int | None = None
    error: str = ""

    @property
    def is_ok(self) -> bool:
        return not self.error


def check_providers(catalogue: Catalogue, names: Sequence[str] = ()) -> list[Check]:
    """Ask each provider in `names`, else each that is configured, all at once.

    These calls are outside the gate: an operator asked for them, and each costs less than a
    thousandth of a dollar at any listed price.
    """
    for name in names:
        if name not in catalogue.providers:
            find_provider(name)  # raises, naming those there are
            raise DomainError(f"The provider “{name}” is not in the catalogue yet; try again.")
    chosen = [
        provider
        for provider in catalogue.providers.values()
        if (provider.name in names if names else provider.is_configured)
    ]
    return asyncio.run(_check_all(catalogue, chosen))


async def _check_all(catalogue: Catalogue, providers: Sequence[ProviderInfo]) -> list[Check]:
    return list(
        await asyncio.gather(
            *(
                _check(provider, catalogue.default_model(provider.name, "cheap"))
                for provider in providers
            )
        )
    )


async def _check(provider: ProviderInfo, model: ModelInfo | None) -> Check:
    if not provider.is_configured:
        return Check(provider.name, error=f"not configured: {provider.missing}")
    if model is None:
        return Check(provider.name, error="it has no model: set OPENAI_COMPATIBLE_MODEL.")
    adapter = open_adapter(provider)
    try:
        return await _ask(adapter, provider, model)
    finally:
        await adapter.aclose()


async def _ask(adapter: Adapter, provider: ProviderInfo, model: ModelInfo) -> Check:
    request = Request(
        operation="check",
        model=model.name,
        instructions="You are asked whether you can be reached.",
        prompt=PROMPT,
        result_type=Ready,
        parameters={},
        rules=lambda _: {"word": "ready"},
        max_output_tokens=ROOM + model.thinking_tokens,
        timeout_s=TIMEOUT_S,
    )
    begun = time.monotonic()
    error = ""
    try:
        await adapter.open()
        begun = time.monotonic()
        await adapter.complete(request)
    except ProviderError as refusal:
        error = f"{refusal.code}: {refusal}"
    latency_ms = round((time.monotonic() - begun) * 1000)
    return Check(provider.name, model.name, latency_ms, error)
