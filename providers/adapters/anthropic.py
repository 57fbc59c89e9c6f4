from __future__ import annotations

from anthropic import AsyncAnthropic
from httpx2 import AsyncClient
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.settings import ModelSettings

from providers.protocol import Tier


class Anthropic:
    def __init__(self, client: AsyncAnthropic) -> None:
        self._provider = AnthropicProvider(anthropic_client=client)

    def open_model(self, name: str) -> AnthropicModel:
        return AnthropicModel(name, provider=self._provider)

    def settings(self, tier: Tier) -> ModelSettings:
        return {}


def open_vendor(*, key: str, base_url: str, http_client: AsyncClient) -> Anthropic:
    return Anthropic(
        AsyncAnthropic(
            api_key=key,
            base_url=base_url or "https://api.anthropic.com",
            http_client=http_client,
            max_retries=0,
        )
    )
