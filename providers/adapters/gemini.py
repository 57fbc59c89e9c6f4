from __future__ import annotations

from httpx2 import AsyncClient
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.settings import ModelSettings

from providers.protocol import Tier


class Gemini:
    def __init__(self, provider: GoogleProvider) -> None:
        self._provider = provider

    def open_model(self, name: str) -> GoogleModel:
        return GoogleModel(name, provider=self._provider)

    def settings(self, tier: Tier) -> ModelSettings:
        return {"service_tier": "flex" if tier == "flex" else "default"}


def open_vendor(*, key: str, base_url: str, http_client: AsyncClient) -> Gemini:
    return Gemini(GoogleProvider(api_key=key, base_url=base_url or None, http_client=http_client))
