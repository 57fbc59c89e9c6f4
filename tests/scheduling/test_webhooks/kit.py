"""Senders for tests: a webhook, and deliveries as its sender makes them."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts.models import User
from core import secrets
from core.ids import uuid7
from core.secrets import Secret
from scheduling import services
from scheduling.models import Schedule
from scheduling.webhooks import signing
from tests.scheduling.builders import OPERATION, TASKS

BODY = b'{"event": "order.paid"}'


def make_webhook(owner: User, dialect: str = "standard", **more: Any) -> Schedule:
    values: dict[str, Any] = {"operation": OPERATION, "parameters": TASKS, "by": owner} | more
    return services.create_schedule(owner=owner, type="webhook", dialect=dialect, **values)


def signed(
    schedule: Schedule,
    body: bytes = BODY,
    *,
    message_id: str = "",
    secret: Secret | None = None,
    now: Any = None,
) -> dict[str, str]:
    """Return the headers of a delivery of `body`."""
    secret = secret or secrets.get(schedule.secret_ref, schedule.owner)
    at = now or timezone.now()
    return signing.sign(schedule.dialect, secret, body, at, message_id or f"msg_{uuid7()}")


def deliver(
    schedule: Schedule,
    body: bytes = BODY,
    headers: dict[str, str] | None = None,
    *,
    path: str = "",
    content_type: str = "application/json",
    **more: Any,
) -> Any:
    """Post `body` as the sender of `schedule` does; return the response."""
    given = signed(schedule, body) if headers is None else headers
    return Client(raise_request_exception=False).generic(
        "POST", path or schedule.webhook_path, body, content_type, headers=given, **more
    )


def told(**payload: Any) -> bytes:
    return json.dumps(payload).encode()
