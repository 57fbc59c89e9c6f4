"""DeepSeek by its Responses API: its Chat Completions do not force a schema."""

from __future__ import annotations

from httpx2 import AsyncClient
from openai import AsyncOpenAI
from pydantic_ai.models.openai import OpenAIResponsesModel, OpenAIResponsesModelSettings
from pydantic_ai.providers.deepseek import DeepSeekProvider

from providers.protocol import Tier


class DeepSeek:
    def __init__(self, client: AsyncOpenAI) -> None:
        self._provider = DeepSeekProvider(openai_client=client)

    def open_model(self, name: str) -> OpenAIResponsesModel:
        return OpenAIResponsesModel(name, provider=self._provider)

    def settings(self, tier: Tier) -> OpenAIResponsesModelSettings:
        return {"openai_store": False}


def open_vendor(*, key: str, base_url: str, http_client: AsyncClient) -> DeepSeek:
    return DeepSeek(
        AsyncOpenAI(
            api_key=key,
            base_url=base_url or "https://api.deepseek.com",
            http_client=http_client,
            max_retries=0,
        )
    )
