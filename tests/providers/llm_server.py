"""Vendors' servers for tests, on 127.0.0.1: llmock, and a raw one for what llmock cannot do.

    with llm_server() as server:
        server.fail(429, retry_after=1)                  # the next request
        server.answer({"subject": "Hi", "body": "…"})    # the one after it
        info = server.provider("anthropic")              # for providers.adapters.open_adapter
        server.point(monkeypatch)                        # or: all vendors, by environment

Unscripted, llmock calls the offered tool with values that its schema allows. It speaks Anthropic,
Gemini, OpenAI Responses (so DeepSeek) and Chat Completions. It cannot close a connection in the
middle of an answer that is not streamed, nor report cached tokens or a service tier, nor write
Retry-After as a date: `raw_server` does those.
"""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from llmock.journal import RequestRecord
from llmock.scenarios import Delay, Fail, Match, Reply, ToolCall, ToolFault
from llmock.testing import LLMockServer

from providers.adapters.remote import ANSWER
from providers.catalogue import ProviderInfo

VENDORS = ("anthropic", "deepseek", "gemini", "openai", "compatible")
KEY = "sk-test-4f1c9a7e22b84d10"  # looks like a vendor's key, so that leaks show
_LLMOCK_NAME = {"deepseek": "openai", "compatible": "openai"}
_VARIABLE = {name: name.upper() for name in VENDORS} | {"compatible": "OPENAI_COMPATIBLE"}


def provider_info(vendor: str, base_url: str) -> ProviderInfo:
    """Return a configured provider of kind `vendor` at `base_url`; its key must be in the env."""
    return ProviderInfo(
        name=vendor,
        label=vendor.title(),
        kind=vendor,
        base_url=base_url,
        key_ref=f"env:{_VARIABLE[vendor]}_API_KEY",
        is_configured=True,
        is_simulated=False,
        rank=0,
        requests_per_minute=None,
        tokens_per_minute=None,
    )


class LlmServer:
    """A running llmock. What is scripted is used up in order, once each unless `times` says so."""

    def __init__(self, server: LLMockServer) -> None:
        self._server = server

    def base_url(self, vendor: str) -> str:
        return self._server.base_url(_LLMOCK_NAME.get(vendor, vendor))

    def provider(self, vendor: str) -> ProviderInfo:
        return provider_info(vendor, self.base_url(vendor))

    def point(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Set keys and addresses of all vendors to this server.

        The catalogue sees it after `catalogue.invalidate()`; the compatible server's model is in it
        after `services.sync_catalogue()`.
        """
        monkeypatch.setenv("OPENAI_COMPATIBLE_MODEL", "qwen3:8b")
        for vendor in VENDORS:
            monkeypatch.setenv(f"{_VARIABLE[vendor]}_API_KEY", KEY)
            monkeypatch.setenv(f"{_VARIABLE[vendor]}_BASE_URL", self.base_url(vendor))

    def answer(self, result: dict[str, Any], *, times: int | None = 1) -> None:
        """Have the model answer `result`, valid or not."""
        call = ToolCall(ANSWER, result)
        self._server.state.scenarios.add(Reply(tool_calls=(call,), times=times))

    def say(self, text: str, *, finish_reason: str | None = None) -> None:
        """Have the model answer in words instead of calling the tool."""
        self._server.state.scenarios.add(Reply(text=text, finish_reason=finish_reason))

    def garble(self) -> None:
        """Have the model call the tool with arguments that are no valid answer."""
        self._server.state.scenarios.add(ToolFault("malformed_arguments"))

    def fail(
        self,
        status: int,
        *,
        retry_after: float | None = None,
        code: str | None = None,
        message: str | None = None,
        vendor: str | None = None,
        times: int | None = 1,
    ) -> None:
        """Have requests (of one vendor, if named) fail; `times=None` is until `reset`."""
        match = Match(provider=_LLMOCK_NAME.get(vendor, vendor)) if vendor else Match()
        self._server.state.scenarios.add(
            Fail(
                status,
                retry_after=retry_after,
                code=code,
                message=message,
                times=times,
                match=match,
            )
        )

    def delay(self, seconds: float, *, times: int | None = 1) -> None:
        self._server.state.scenarios.add(Delay(seconds, times=times))

    def requests(self) -> list[RequestRecord]:
        """Return the requests so far: `.body` is the JSON sent, `.status` what was answered."""
        return self._server.state.journal.records(wait=2.0)

    def reset(self) -> None:
        self._server.state.reset()


@contextmanager
def llm_server() -> Iterator[LlmServer]:
    with LLMockServer() as server:
        yield LlmServer(server)


class RawServer:
    """Hands each request to `respond` and sends what it returns; None closes the connection."""

    def __init__(self, address: str) -> None:
        self.url = address
        self.bodies: list[Any] = []


@contextmanager
def raw_server(respond: Callable[[], bytes | None]) -> Iterator[RawServer]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            length = 0
            while (line := self.rfile.readline().strip()) != b"":
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            body = self.rfile.read(length)
            served.bodies.append(json.loads(body) if body else None)
            answer = respond()
            if answer is not None:
                self.wfile.write(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        served = RawServer(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


def http(status: int, body: Any, **headers: str) -> bytes:
    """Return an HTTP answer that closes the connection; `body` is JSON unless it is bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [
        f"HTTP/1.1 {status} Status",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        "Connection: close",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content
