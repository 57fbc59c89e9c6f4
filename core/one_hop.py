"""Django's handler for addresses that machines call hundreds of times a second."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from django.core import signals
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

THREADS = 8  # each with a connection of the pool's 20; more only wait for each other


class OneHopHandler(ASGIHandler):
    """Runs all middleware and the view in one turn of a thread, of few that are kept.

    Django's own goes to a thread and back for each middleware, which takes longer than such a view
    does. Only for views that are no coroutines, with bodies and answers that fit into memory. Who
    goes away meanwhile does not stop them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor(THREADS, "one-hop")

    def load_middleware(self, is_async: bool = False) -> None:  # noqa: FBT001, FBT002  # as Django calls it
        super().load_middleware(is_async=False)

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        loop = asyncio.get_running_loop()
        answer = copy_context().run
        response = await loop.run_in_executor(
            self._threads, answer, self._answer, scope, bytes(body)
        )
        await self.send_response(response, send)

    def _answer(self, scope: dict[str, Any], body: bytes) -> HttpResponseBase:
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        request, refusal = self.create_request(scope, io.BytesIO(body))
        response: Any = refusal if request is None else self.get_response(request)
        response._handler_class = self.__class__  # whom the signal names
        response.close()  # which gives the connection back
        return response  # type: ignore[no-any-return]
