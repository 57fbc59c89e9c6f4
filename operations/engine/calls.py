"""The calls in flight: coroutines on an event loop in a thread of their own.

The database thread hands over calls and collects their ends; nothing here touches the database.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

from operations.engine.flight import Call, Ended
from providers.adapters import open_adapter
from providers.catalogue import ProviderInfo
from providers.protocol import Adapter, ProviderError, RequestRefused, TimedOut

logger = logging.getLogger(__name__)
GRACE_S = 2.0  # an adapter keeps its own time-out; ours is for one that forgets


class Calls:
    """Runs calls; `wake` is set whenever one has ended."""

    def __init__(self) -> None:
        self.wake = threading.Event()
        self._ended: deque[Ended] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._adapters: dict[ProviderInfo, Adapter] = {}
        self._places: dict[ProviderInfo, asyncio.Semaphore] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="engine-calls", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def start(self, calls: Sequence[Call]) -> None:
        if calls:
            self._loop.call_soon_threadsafe(self._spawn, calls)

    def _spawn(self, calls: Sequence[Call]) -> None:
        for call in calls:
            task = self._loop.create_task(self._call(call))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _call(self, call: Call) -> None:
        begun = time.monotonic()
        ended = Ended(call, 0)
        try:
            adapter = self._adapter(call.provider)
            await adapter.open()
            async with self._place(call.provider, adapter):
                begun = time.monotonic()
                async with asyncio.timeout(call.request.timeout_s + GRACE_S):
                    ended.completion = await adapter.complete(call.request)
        except ProviderError as error:
            ended.error = error
        except TimeoutError:
            ended.error = TimedOut(f"No answer within {call.request.timeout_s:.0f} s.")
        except asyncio.CancelledError:
            pass  # the process stops: neither an answer nor an error, the bill is unknown
        except Exception as error:
            logger.exception("The adapter of %s failed", call.provider.name)
            ended.error = AdapterFault(f"The adapter of {call.provider.name} failed: {error!r}")
        ended.latency_ms = round((time.monotonic() - begun) * 1000)
        self._ended.append(ended)
        self.wake.set()

    def _place(
        self, provider: ProviderInfo, adapter: Adapter
    ) -> AbstractAsyncContextManager[object]:
        """Return a place among the calls that the adapter takes at once."""
        if adapter.at_once is None:
            return nullcontext()
        if provider not in self._places:
            self._places[provider] = asyncio.Semaphore(adapter.at_once)
        return self._places[provider]

    def _adapter(self, provider: ProviderInfo) -> Adapter:
        """Return the adapter of `provider` as it is configured now, made on first use."""
        if provider not in self._adapters:
            self._adapters[provider] = open_adapter(provider)
        return self._adapters[provider]

    def collect(self) -> list[Ended]:
        """Take the calls that have ended."""
        self.wake.clear()
        ended = []
        while self._ended:
            ended.append(self._ended.popleft())
        return ended

    def cancel(self) -> None:
        """Cut short what is in flight; each call still ends, with neither answer nor error."""

        def cancel_all() -> None:
            for task in self._tasks:
                task.cancel()

        self._loop.call_soon_threadsafe(cancel_all)

    def close(self) -> None:
        """Close the clients and end the thread."""

        async def close_adapters() -> None:
            for adapter in self._adapters.values():
                await adapter.aclose()

        try:
            asyncio.run_coroutine_threadsafe(close_adapters(), self._loop).result(timeout=2)
        except TimeoutError:
            logger.warning("Some provider connections did not close in time")
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=2)


class Unstorable(RequestRefused):
    """The database, or a follower of the run, does not take this end of it."""

    code = "unstorable"
    may_have_billed = True


class AdapterFault(RequestRefused):
    """An adapter raised what it must not; whether the request was billed is unknown."""

    code = "adapter_fault"
    may_have_billed = True
