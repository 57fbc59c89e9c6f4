"""What is read of a delivery before a view sees it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from scheduling.webhooks.unread import with_deliveries

HOOK = "/webhooks/schedules/1/"
TWIN = "/functions/v1/webhook-trigger"


def lead(path: str, headers: list[tuple[bytes, bytes]], kind: str = "http") -> tuple[str, bool]:
    """Return which application was asked, and whether it read of the sender's body."""
    asked = []

    def app(name: str) -> Any:
        async def answer(scope: Any, receive: Any, send: Any) -> None:
            message = await receive()
            asked.append((name, message["body"] == b"sent"))

        return answer

    async def receive() -> Any:
        return {"type": "http.request", "body": b"sent", "more_body": False}

    led = with_deliveries(app("pages"), app("deliveries"), largest=10)
    asyncio.run(led({"type": kind, "path": path, "headers": headers}, receive, None))
    return asked[0]


@pytest.mark.parametrize(
    ("path", "headers", "app", "is_read"),
    [
        (HOOK, [(b"content-length", b"10")], "deliveries", True),
        (TWIN, [(b"content-length", b"0")], "deliveries", True),
        (HOOK, [(b"content-length", b"11")], "deliveries", False),
        (TWIN, [(b"content-length", b"9" * 500)], "deliveries", False),
        (HOOK, [(b"content-length", b"-1")], "deliveries", False),
        (HOOK, [(b"content-length", b"")], "deliveries", False),
        (HOOK, [], "deliveries", False),
        (HOOK, [(b"transfer-encoding", b"chunked")], "deliveries", False),
        (
            HOOK,
            [(b"content-length", b"4"), (b"transfer-encoding", b"chunked")],
            "deliveries",
            False,
        ),
        ("/runs/", [], "pages", True),
        ("/schedules/", [(b"content-length", b"99")], "pages", True),
    ],
)
def test_only_bodies_of_a_fitting_length_are_read(
    path: str, headers: list[tuple[bytes, bytes]], app: str, is_read: object
) -> None:
    assert lead(path, headers) == (app, is_read)
