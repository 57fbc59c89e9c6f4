"""Any vendor reached over HTTP: the conversation, the one request, the validated answer.

We call a model directly rather than through an agent: an agent may ask again by itself, and one
`Request` must become exactly one HTTP request, because each has its own hold and attempt row. The
answer is the argument of a forced tool call (nothing is executed), or structured text where a model
cannot be forced to call: the schema binds either way.
"""

from __future__ import annotations

import asyncio
import importlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from django.db import connection
from pydantic import BaseModel, ValidationError

from core.secrets import mask
from providers import keys, vendors
from providers.adapters.preflight import check_address, check_key
from providers.catalogue import ProviderInfo
from providers.protocol import (
    Completion,
    InvalidAnswer,
    KeyRefused,
    ProviderError,
    Request,
    RequestRefused,
    Tier,
    Unavailable,
    Unreadable,
    Usage,
)

if TYPE_CHECKING:
    from httpx2 import AsyncClient
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import Model, ModelRequestParameters
    from pydantic_ai.settings import ModelSettings

ANSWER = "answer"  # the tool whose arguments are the answer
LONGEST_ERROR = 500  # characters of a provider's words that we keep


class Vendor(Protocol):
    """What a vendor's module offers."""

    def open_model(self, name: str) -> Model:
        """Return the model `name` on the vendor's one client."""
        ...

    def settings(self, tier: Tier) -> ModelSettings:
        """Return what this vendor is told beyond what all are."""
        ...


class Opened:
    """A vendor with its HTTP client and the models asked so far."""

    def __init__(self, vendor: Vendor, http_client: AsyncClient) -> None:
        self.vendor = vendor
        self.http_client = http_client
        self._models: dict[str, Model] = {}

    def model(self, name: str) -> Model:
        if name not in self._models:
            self._models[name] = self.vendor.open_model(name)
        return self._models[name]


class RemoteAdapter:
    """One provider in one event loop, with one client for as long as the loop lives."""

    at_once: int | None = None

    def __init__(self, provider: ProviderInfo) -> None:
        self._provider = provider
        self._opening = asyncio.Lock()
        self._opened: Opened | None = None

    async def open(self) -> None:
        if self._opened is None:
            await self._open()

    async def complete(self, request: Request) -> Completion:
        """Send `request` once; raises `ProviderError` and nothing else."""
        try:
            return await self._complete(request)
        except ProviderError:
            raise
        except Exception as error:
            raise Unreadable(_excerpt(f"{type(error).__name__}: {error}")) from error

    async def _complete(self, request: Request) -> Completion:
        opened = self._opened or await self._open()
        from pydantic_ai.direct import model_request

        from providers.adapters.errors import as_provider_error

        settings: Any = {
            **opened.vendor.settings(request.tier),
            "max_tokens": request.max_output_tokens,
            "max_retries": 0,
            "request_timeout": request.timeout_s,
            "thinking": False,
        }
        try:
            model = opened.model(request.model)
            response = await model_request(
                model,
                _conversation(request),
                model_settings=settings,
                model_request_parameters=_answer_form(model, request.result_type),
            )
        except Exception as error:
            raise as_provider_error(error, excerpt=_excerpt) from error
        return _completion(request, response)

    async def _open(self) -> Opened:
        async with self._opening:
            if self._opened is None:
                # A vendor's SDK takes a second or two to import; other calls go on meanwhile.
                try:
                    self._opened = await asyncio.to_thread(_open, self._provider)
                except ProviderError:
                    raise
                except Exception as error:  # whatever it is, nothing was sent yet
                    raise Unavailable(_excerpt(f"{self._provider.label}: {error}")) from error
            return self._opened

    async def aclose(self) -> None:
        """Close the client; a later call would make a new one."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.http_client.aclose()


def _open(provider: ProviderInfo) -> Opened:
    """Check the settings, import the vendor's SDK and make its client. Runs in a thread."""
    is_compatible = provider.kind == "compatible"
    if provider.base_url or is_compatible:
        named = vendors.base_url_variable(provider.name) or f"The address of {provider.label}"
        check_address(provider.base_url, named=named)
    try:
        found = keys.look(provider.key_ref)
    finally:
        connection.close()  # a stored key was read on a connection of this thread
    key = found.key
    if key is not None:
        check_key(key, named=provider.key_ref)
    elif not found.is_absent:
        raise KeyRefused(_excerpt(f"The key of {provider.label} cannot be read: {found.reason}"))
    elif not is_compatible:
        raise KeyRefused(_excerpt(f"There is no key for {provider.label}: {found.reason}"))
    from pydantic_ai.models import create_async_httpx2_client

    for needed in ("pydantic_ai.direct", "providers.adapters.errors"):
        importlib.import_module(needed)  # here, not in the event loop
    http_client = create_async_httpx2_client()
    module = importlib.import_module(f"providers.adapters.{provider.kind}")
    vendor: Vendor = module.open_vendor(
        key=key.reveal() if key else "", base_url=provider.base_url, http_client=http_client
    )
    return Opened(vendor, http_client)


def _conversation(request: Request) -> list[ModelMessage]:
    from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, UserPromptPart

    def says(text: str) -> ModelRequest:
        return ModelRequest(parts=[UserPromptPart(text)], instructions=request.instructions)

    messages: list[ModelMessage] = [says(request.prompt)]
    if request.repair is not None:
        # In words, not as a tool call and its result: vendors sign their own calls and refuse
        # others, and an answer that was no tool call has no place there.
        messages.append(ModelResponse(parts=[TextPart(request.repair.answer or "(no answer)")]))
        messages.append(
            says(
                f"That answer does not have the form asked for: {request.repair.error}\n"
                "Give the whole answer again, corrected."
            )
        )
    return messages


def _answer_form(model: Model, result_type: type[BaseModel]) -> ModelRequestParameters:
    """Say that the answer must be a `result_type`, in the stricter way that `model` knows."""
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.output import OutputObjectDefinition
    from pydantic_ai.tools import ToolDefinition

    schema = _schema(result_type)
    profile = model.profile
    if profile.get("supports_forced_tool_choice", True) or not profile.get(
        "supports_json_schema_output", False
    ):
        tool = ToolDefinition(
            name=ANSWER,
            description="Give the answer. Call this exactly once.",
            parameters_json_schema=schema,
            kind="output",
        )
        return ModelRequestParameters(
            output_mode="tool", output_tools=[tool], allow_text_output=False
        )
    return ModelRequestParameters(
        output_mode="native", output_object=OutputObjectDefinition(schema, name=ANSWER)
    )


@lru_cache(maxsize=64)
def _schema(result_type: type[BaseModel]) -> dict[str, Any]:
    return result_type.model_json_schema()


def _completion(request: Request, response: ModelResponse) -> Completion:
    """Return the validated answer, or raise what is wrong with it; either way with its usage."""
    usage = _usage(response)
    answer = _answer(response)
    if response.finish_reason == "content_filter":
        raise RequestRefused(
            _excerpt(f"The provider's content filter stopped this request. {answer}"), usage=usage
        )
    try:
        result = request.result_type.model_validate_json(answer)
    except ValidationError as error:
        reason = _what_is_wrong(error)
        if response.finish_reason == "length":
            reason = f"It was cut off at {request.max_output_tokens} tokens. {reason}"
        raise InvalidAnswer(_excerpt(reason), answer=answer, usage=usage) from error
    return Completion(
        result=result.model_dump(mode="json"),
        usage=usage,
        model=response.model_name or request.model,
        tier=_tier(response),
    )


def _answer(response: ModelResponse) -> str:
    """Return the arguments of the answer's tool call, else the text: some servers know no tools."""
    from pydantic_ai.messages import TextPart, ToolCallPart

    for part in response.parts:
        if isinstance(part, ToolCallPart) and part.tool_name == ANSWER:
            return part.args_as_json_str()
    return "".join(part.content for part in response.parts if isinstance(part, TextPart))


def _usage(response: ModelResponse) -> Usage | None:
    reported = response.usage
    if not reported.has_values():
        return None
    return Usage(
        input_tokens=reported.input_tokens,
        output_tokens=reported.output_tokens,
        cached_tokens=reported.cache_read_tokens,
        cache_write_tokens=reported.cache_write_tokens,
    )


def _tier(response: ModelResponse) -> Tier:
    """Return the tier as reported; a vendor that reports none served the standard one."""
    reported = (response.provider_details or {}).get("service_tier")
    return "flex" if reported == "flex" else "standard"


def _what_is_wrong(error: ValidationError) -> str:
    """Name each field and its fault, without repeating what the model wrote there."""
    return "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'answer'}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
    )


def _excerpt(text: str) -> str:
    """Return the start of `text` on one line, without secrets: providers quote keys in errors."""
    words = " ".join(mask(text).split())
    return words if len(words) <= LONGEST_ERROR else f"{words[: LONGEST_ERROR - 1]}…"
