"""Leads deliveries apart, and keeps bodies that would be refused out of memory and off the disk.

Under ASGI Django reads a request's body before any view sees its head.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

Receive = Callable[[], Awaitable[Any]]
App = Callable[[dict[str, Any], Receive, Any], Coroutine[Any, Any, None]]

LARGEST_BODY = 256 * 1024  # bytes, as `operations.validation` has it, which needs Django
PATHS = ("/webhooks/", "/functions/v1/webhook-trigger")


def with_deliveries(app: App, deliveries: App, *, largest: int) -> App:
    """Return `app` with the addresses of webhooks given to `deliveries`.

    Those that declare no length, or one over `largest`, are left unread: the view sees their head
    with an empty body, and says why it refuses them.
    """

    async def led(scope: dict[str, Any], receive: Receive, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PATHS):
            await app(scope, receive, send)
            return
        if _is_fit(scope):
            await deliveries(scope, receive, send)
            return
        is_told = False

        async def tell_nothing() -> Any:
            nonlocal is_told
            if is_told:  # whether the sender goes away meanwhile makes no difference
                await asyncio.Event().wait()
            is_told = True
            return {"type": "http.request", "body": b"", "more_body": False}

        await deliveries(scope, tell_nothing, send)

    def _is_fit(scope: dict[str, Any]) -> bool:
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        return (
            length.isdigit()
            and int(length[:20]) <= largest
            and (b"transfer-encoding" not in headers)
        )

    return led
