"""Any server that speaks OpenAI's Chat Completions: Ollama, vLLM, llama.cpp and many gateways."""

from __future__ import annotations

from httpx2 import AsyncClient
from openai import AsyncOpenAI
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.settings import ModelSettings

from providers.protocol import Tier

# The older name of the limit is the one that every server knows, and it must not be ignored.
_PROFILE = OpenAIModelProfile(openai_chat_supports_max_completion_tokens=False)


class Compatible:
    def __init__(self, client: AsyncOpenAI) -> None:
        self._provider = OpenAICompatibleProvider("compatible", openai_client=client)

    def open_model(self, name: str) -> OpenAIChatModel:
        return OpenAIChatModel(name, provider=self._provider, profile=_PROFILE)

    def settings(self, tier: Tier) -> ModelSettings:
        return {}


def open_vendor(*, key: str, base_url: str, http_client: AsyncClient) -> Compatible:
    return Compatible(
        AsyncOpenAI(
            api_key=key or "none",  # the SDK insists on one, many servers do not
            base_url=base_url,
            http_client=http_client,
            max_retries=0,
        )
    )
