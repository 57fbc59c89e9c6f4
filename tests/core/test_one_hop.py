from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.core import signals

from core.one_hop import OneHopHandler


def ask(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the handler sends to who gets a webhook's address, which is refused."""
    sent: list[dict[str, Any]] = []
    coming = iter(messages)

    async def receive() -> Any:
        return next(coming)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/webhooks/schedules/1/",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"x-request-id", b"from-the-sender")],
        "client": ("192.0.2.7", 4711),
    }
    asyncio.run(OneHopHandler()(scope, receive, send))
    return sent


@pytest.fixture
def finished() -> Any:
    """Tell how many requests came to their end, which is when connections are given back."""
    ended: list[object] = []

    def note(sender: object, **_: Any) -> None:
        ended.append(sender)

    signals.request_finished.connect(note, weak=False)
    yield ended
    signals.request_finished.disconnect(note)


def test_middleware_and_view_answer(finished: list[object]) -> None:
    start, body = ask(
        {"type": "http.request", "body": b"one", "more_body": True},
        {"type": "http.request", "body": b"two", "more_body": False},
    )

    assert start["status"] == 405
    headers = {name.lower(): text for name, text in start["headers"]}
    assert headers[b"allow"] == b"POST"
    assert headers[b"x-request-id"] == b"from-the-sender"
    assert b"Deliver by POST." in body["body"]
    assert finished == [OneHopHandler]


def test_who_goes_away_amid_the_body_is_not_answered(finished: list[object]) -> None:
    sent = ask(
        {"type": "http.request", "body": b"one", "more_body": True}, {"type": "http.disconnect"}
    )

    assert sent == []
    assert finished == []
