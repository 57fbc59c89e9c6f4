"""GitHub: the body's HMAC-SHA256 in hexadecimal, and a delivery's id that is not signed.

https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from scheduling.webhooks import plain
from scheduling.webhooks.verdicts import Headers, Problem, Verdict, digest, match

HEADER = "x-hub-signature-256"
PREFIX = "sha256="

new_secret = plain.new_secret
key_of = plain.key_of
id_in = plain.id_in


def verify(
    headers: Headers, body: bytes, keys: Sequence[bytes], now: datetime, window: timedelta
) -> Verdict:
    signature = headers.get(HEADER, "")
    if not signature:
        return Verdict(Problem.UNSIGNED)
    expected = [PREFIX.encode() + digest(key, body).hex().encode() for key in keys]
    found = match(expected, [signature])
    if found is None:
        return Verdict(Problem.BAD_SIGNATURE, signature)
    return Verdict(None, signature, found, headers.get("x-github-delivery", ""))


def sign(key: bytes, body: bytes, now: datetime, message_id: str) -> dict[str, str]:
    return {
        "X-Hub-Signature-256": PREFIX + digest(key, body).hex(),
        "X-GitHub-Delivery": message_id,
    }
