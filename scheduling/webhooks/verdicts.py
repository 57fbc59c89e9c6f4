"""What a dialect says of a delivery, and what all dialects need to say it."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from core.errors import DomainError

Headers = Mapping[str, str]  # by name in small letters
MOST_SIGNATURES = 10  # of one delivery; senders that rotate give two
_SECONDS = re.compile(r"[0-9]{1,11}")  # up to the year 5138


class BadSecret(DomainError):
    """The secret is not one of this dialect."""


class Problem(StrEnum):
    UNSIGNED = "unsigned"
    BAD_SIGNATURE = "bad_signature"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`problem` is None where the signature is good; `secret` is then which one it was made with.

    `signature` is what was sent, `message_id` what the sender calls the delivery ("" if nothing),
    `sent_at` the time that was signed, None where the dialect signs none.
    """

    problem: Problem | None
    signature: str = ""
    secret: int = 0
    message_id: str = ""
    sent_at: datetime | None = None


def digest(secret: bytes, message: bytes) -> bytes:
    return hmac.new(secret, message, hashlib.sha256).digest()


def match(expected: Sequence[bytes], given: Iterable[str]) -> int | None:
    """Return which of `expected` is among `given`, in a time that does not tell how nearly."""
    found = None
    for text in list(given)[:MOST_SIGNATURES]:
        for number, wanted in enumerate(expected):
            if hmac.compare_digest(wanted, text.encode(errors="replace")):
                found = number
    return found


def moment(text: str) -> datetime | None:
    """Return the moment that `text` says in seconds since 1970, or None where it says none."""
    return datetime.fromtimestamp(int(text), UTC) if _SECONDS.fullmatch(text) else None


def is_stale(sent_at: datetime, now: datetime, window: timedelta) -> bool:
    return abs(now - sent_at) > window
