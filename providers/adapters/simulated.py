"""The simulated provider: made-up answers of the right form, at the latency and price asked for.

Benchmarks measure the engine through it, so a call without latency must cost next to nothing.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import deque

from providers import simulated
from providers.adapters.examples import example_json
from providers.protocol import (
    Completion,
    InvalidAnswer,
    ProviderError,
    RateLimited,
    Request,
    TimedOut,
    Unavailable,
    Usage,
)

_MINUTE_S = 60.0


class SimulatedAdapter:
    at_once: int | None = None

    def __init__(self, options: simulated.Options | None = None) -> None:
        self._options = options or simulated.options()
        self._calls: deque[float] = deque()

    async def open(self) -> None:
        """Do nothing: it is always ready."""

    async def complete(self, request: Request) -> Completion:
        options = self._options
        if options is None:
            raise Unavailable("The simulated provider is switched off.")
        if options.rate_limit_rpm:
            self._admit(options.rate_limit_rpm)
        if options.latency_ms or options.jitter_ms:
            await self._wait(options, request.timeout_s)
        usage = _usage(options, request)
        if options.failure_rate and random.random() < options.failure_rate:  # noqa: S311
            raise _failure(options.failure, usage)
        return Completion(
            result=json.loads(example_json(request.result_type)),
            usage=usage,
            model=request.model,
            tier=request.tier,
        )

    def _admit(self, limit: int) -> None:
        """Refuse more than `limit` calls within any minute, as vendors do, with the true wait."""
        now = time.monotonic()
        while self._calls and self._calls[0] <= now - _MINUTE_S:
            self._calls.popleft()
        if len(self._calls) >= limit:
            raise RateLimited(
                f"Simulated: more than {limit} requests a minute.",
                retry_after_s=self._calls[0] + _MINUTE_S - now,
                status=429,
            )
        self._calls.append(now)

    async def _wait(self, options: simulated.Options, timeout_s: float) -> None:
        latency_s = (options.latency_ms + options.jitter_ms * random.random()) / 1000  # noqa: S311
        await asyncio.sleep(min(latency_s, timeout_s))
        if latency_s > timeout_s:
            raise TimedOut(f"Simulated: no answer within {timeout_s:g} seconds.")

    async def aclose(self) -> None:
        """Do nothing: there is no client to close."""


def _usage(options: simulated.Options, request: Request) -> Usage:
    """Return the tokens to report: never more than a real model could, so that ceilings hold."""
    prompt_bytes = len(request.instructions.encode()) + len(request.prompt.encode())
    return Usage(
        input_tokens=min(options.input_tokens or prompt_bytes // 4, prompt_bytes // 2),
        output_tokens=min(options.output_tokens, request.max_output_tokens),
    )


def _failure(code: str, usage: Usage) -> ProviderError:
    kind = simulated.FAILURES[code]
    message = f"Simulated failure: {kind.__doc__}"
    if issubclass(kind, InvalidAnswer):
        return kind(message, answer="simulated", usage=usage)
    if issubclass(kind, RateLimited):
        return kind(message, retry_after_s=1.0, status=429)
    return kind(message)
