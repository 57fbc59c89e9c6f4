"""What Helix asks of a provider, and what a provider may answer.

The router works on these types alone; only `providers/adapters/` knows how a vendor says them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import BaseModel

Tier = Literal["standard", "flex", "batch"]
Json = dict[str, Any]
Rules = Callable[[Mapping[str, Any]], Json]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider reported them.

    `cached_tokens` (read from its cache) and `cache_write_tokens` are part of `input_tokens`.
    """

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Repair:
    """An answer that did not validate, and why: what a model needs to mend it."""

    answer: str
    error: str


@dataclass(frozen=True, slots=True)
class Request:
    """One call of one model. It becomes exactly one request to the vendor, never more.

    `parameters` are validated, in JSON form; only `local` reads them, through `rules`. Everyone
    else sends `instructions`, `prompt` and the schema of `result_type`.
    """

    operation: str
    model: str
    instructions: str
    prompt: str
    result_type: type[BaseModel]
    parameters: Mapping[str, Any]
    rules: Rules | None
    max_output_tokens: int
    timeout_s: float
    tier: Tier = "standard"
    repair: Repair | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """A validated answer. `usage` is None where the provider reported none: unknown, not zero."""

    result: Json
    usage: Usage | None
    model: str
    tier: Tier = "standard"


class Adapter(Protocol):
    """One vendor. Made once per event loop and provider; its client lives as long as the loop.

    `at_once` bounds its calls in this process; waiting for a place is not part of a call's time.
    """

    at_once: int | None

    async def open(self) -> None:
        """Make ready: slow the first time (an SDK is imported), so no call's time counts it.

        Raises `ProviderError`.
        """
        ...

    async def complete(self, request: Request) -> Completion:
        """Return the answer, or raise `ProviderError`; nothing else may come out."""
        ...

    async def aclose(self) -> None: ...


class ProviderError(Exception):
    """The provider could not answer."""

    code = "provider_error"  # stored on the attempt
    retry_here = False  # the same model may be asked again after a pause
    try_elsewhere = False  # the next model of the route may be asked
    trips_circuit = False  # counts as a sign that the provider is down
    pauses_key = False  # every further call with this key will fail until a person acts
    may_have_billed = False  # the request was sent and its bill is unknown

    def __init__(
        self,
        message: str = "",
        *,
        usage: Usage | None = None,
        retry_after_s: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message or self.__doc__ or self.code)
        self.usage = usage
        self.retry_after_s = retry_after_s
        self.status = status


class RateLimited(ProviderError):
    """The provider asks us to slow down."""

    code = "rate_limited"
    retry_here = True
    try_elsewhere = True


class Unavailable(ProviderError):
    """The provider answered with an error of its own (5xx) or refused the connection."""

    code = "unavailable"
    retry_here = True
    try_elsewhere = True
    trips_circuit = True


class TimedOut(ProviderError):
    """The provider, or a gateway before it, gave no answer in time; it may bill the request."""

    code = "timed_out"
    try_elsewhere = True
    trips_circuit = True
    may_have_billed = True


class ConnectionLost(ProviderError):
    """The connection broke after the request was sent; the provider may bill it all the same."""

    code = "connection_lost"
    retry_here = True
    try_elsewhere = True
    trips_circuit = True
    may_have_billed = True


class Unreadable(ProviderError):
    """The provider answered with something that is no answer; it may bill it all the same."""

    code = "unreadable_answer"
    try_elsewhere = True
    may_have_billed = True


class Misconfigured(ProviderError):
    """The settings of the provider are wrong; nothing was sent."""

    code = "misconfigured"
    try_elsewhere = True


class KeyRefused(ProviderError):
    """The provider refused our key."""

    code = "key_refused"
    try_elsewhere = True
    pauses_key = True


class QuotaExhausted(ProviderError):
    """The account at the provider has no money or quota left."""

    code = "quota_exhausted"
    try_elsewhere = True
    pauses_key = True


class ModelNotFound(ProviderError):
    """The provider does not know this model."""

    code = "model_not_found"
    try_elsewhere = True


class RequestRefused(ProviderError):
    """The provider refused this request; another provider is not asked to take it instead."""

    code = "request_refused"


class InvalidAnswer(ProviderError):
    """The answer does not have the form that the operation asks for."""

    code = "invalid_answer"

    def __init__(self, message: str, *, answer: str, usage: Usage | None = None) -> None:
        super().__init__(message, usage=usage)
        self.answer = answer
