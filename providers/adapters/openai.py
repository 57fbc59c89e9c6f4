from __future__ import annotations

from httpx2 import AsyncClient
from openai import AsyncOpenAI
from pydantic_ai.models.openai import OpenAIResponsesModel, OpenAIResponsesModelSettings
from pydantic_ai.providers.openai import OpenAIProvider

from providers.protocol import Tier


class OpenAI:
    def __init__(self, client: AsyncOpenAI) -> None:
        self._provider = OpenAIProvider(openai_client=client)

    def open_model(self, name: str) -> OpenAIResponsesModel:
        return OpenAIResponsesModel(name, provider=self._provider)

    def settings(self, tier: Tier) -> OpenAIResponsesModelSettings:
        # Said outright, because a project may default to a dearer tier than our ceiling knows.
        return {
            "openai_service_tier": "flex" if tier == "flex" else "default",
            "openai_store": False,
        }


def open_vendor(*, key: str, base_url: str, http_client: AsyncClient) -> OpenAI:
    return OpenAI(
        AsyncOpenAI(
            api_key=key,
            base_url=base_url or "https://api.openai.com/v1",
            http_client=http_client,
            max_retries=0,
        )
    )
