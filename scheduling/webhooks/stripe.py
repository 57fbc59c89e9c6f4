"""Stripe: time and body are signed together, in hexadecimal; the id is the event's own.

https://docs.stripe.com/webhooks#verify-manually
"""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from core.secrets import Secret
from scheduling.webhooks import plain
from scheduling.webhooks.verdicts import (
    Headers,
    Problem,
    Verdict,
    digest,
    is_stale,
    match,
    moment,
)

HEADER = "stripe-signature"

key_of = plain.key_of


def new_secret() -> Secret:
    return Secret("whsec_" + base64.b64encode(os.urandom(24), b"AZ").decode())


def verify(
    headers: Headers, body: bytes, keys: Sequence[bytes], now: datetime, window: timedelta
) -> Verdict:
    signature = headers.get(HEADER, "")
    parts = [part.strip().partition("=") for part in signature.split(",")]
    stamps = [value for name, _, value in parts if name == "t"]
    given = [value for name, _, value in parts if name == "v1"]
    if not signature:
        return Verdict(Problem.UNSIGNED)
    sent_at = moment(stamps[0]) if len(stamps) == 1 else None
    # The first signature of all is what is kept, not the time before it.
    told = given[0] if given else signature
    if sent_at is None or not given:
        return Verdict(Problem.BAD_SIGNATURE, told)
    found = match([_signature(key, stamps[0], body) for key in keys], given)
    if found is None:
        return Verdict(Problem.BAD_SIGNATURE, told)
    problem = Problem.STALE if is_stale(sent_at, now, window) else None
    return Verdict(problem, told, found, "", sent_at)


def sign(key: bytes, body: bytes, now: datetime, message_id: str) -> dict[str, str]:
    stamp = str(int(now.timestamp()))
    return {"Stripe-Signature": f"t={stamp},v1={_signature(key, stamp, body).decode()}"}


def id_in(payload: Any) -> str:
    found = payload.get("id") if isinstance(payload, dict) else None
    return found if isinstance(found, str) else ""


def _signature(key: bytes, stamp: str, body: bytes) -> bytes:
    return digest(key, stamp.encode() + b"." + body).hex().encode()
