"""`X-Webhook-Signature`: the body's HMAC-SHA256 in hexadecimal. No id and no time are signed."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from core.secrets import Secret
from scheduling.webhooks.verdicts import BadSecret, Headers, Problem, Verdict, digest, match

HEADER = "x-webhook-signature"
SHORTEST = 16  # characters; a shorter secret can be guessed from one delivery


def new_secret() -> Secret:
    return Secret(secrets.token_hex(32))


def key_of(secret: Secret) -> bytes:
    """Return what is signed with; raises `BadSecret`."""
    if len(secret.reveal()) < SHORTEST:
        raise BadSecret(f"The secret of a webhook has at least {SHORTEST} characters.")
    return secret.reveal().encode()


def verify(
    headers: Headers, body: bytes, keys: Sequence[bytes], now: datetime, window: timedelta
) -> Verdict:
    signature = headers.get(HEADER, "")
    if not signature:
        return Verdict(Problem.UNSIGNED)
    found = match([digest(key, body).hex().encode() for key in keys], [signature.strip().lower()])
    if found is None:
        return Verdict(Problem.BAD_SIGNATURE, signature)
    return Verdict(None, signature, found)


def sign(key: bytes, body: bytes, now: datetime, message_id: str) -> dict[str, str]:
    return {"X-Webhook-Signature": digest(key, body).hex()}


def id_in(payload: Any) -> str:
    return ""  # whatever the body calls an id, this dialect does not
