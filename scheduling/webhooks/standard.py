"""Standard Webhooks 1.0: id, time and body are signed together, in base64.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from core.secrets import Secret
from scheduling.webhooks.verdicts import (
    BadSecret,
    Headers,
    Problem,
    Verdict,
    digest,
    is_stale,
    match,
    moment,
)

PREFIX = "whsec_"
LONGEST_ID = 256


def new_secret() -> Secret:
    return Secret(PREFIX + base64.b64encode(os.urandom(32)).decode())


def key_of(secret: Secret) -> bytes:
    """Return what is signed with; raises `BadSecret`."""
    text = secret.reveal().removeprefix(PREFIX)
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < 16:  # the specification asks for 24 to 64 bytes; some senders give 16
        raise BadSecret("A secret of Standard Webhooks is whsec_ and at least 16 bytes in base64.")
    return key


def verify(
    headers: Headers, body: bytes, keys: Sequence[bytes], now: datetime, window: timedelta
) -> Verdict:
    signature = headers.get("webhook-signature", "")
    message_id = headers.get("webhook-id", "")
    stamp = headers.get("webhook-timestamp", "")
    sent_at = moment(stamp)
    # Version 1a is asymmetric: nothing that a shared secret could make.
    given = [text[3:] for text in signature.split() if text.startswith("v1,")]
    if not signature or not message_id:
        return Verdict(Problem.UNSIGNED, signature)
    if sent_at is None or not given or len(message_id) > LONGEST_ID:
        return Verdict(Problem.BAD_SIGNATURE, signature)
    found = match([_signature(key, message_id, stamp, body) for key in keys], given)
    if found is None:
        return Verdict(Problem.BAD_SIGNATURE, signature)
    problem = Problem.STALE if is_stale(sent_at, now, window) else None
    return Verdict(problem, signature, found, message_id, sent_at)


def sign(key: bytes, body: bytes, now: datetime, message_id: str) -> dict[str, str]:
    stamp = str(int(now.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{_signature(key, message_id, stamp, body).decode()}",
    }


def id_in(payload: Any) -> str:
    return ""  # the header has it


def _signature(key: bytes, message_id: str, stamp: str, body: bytes) -> bytes:
    signed = message_id.encode(errors="replace") + b"." + stamp.encode() + b"." + body
    return base64.b64encode(digest(key, signed))
