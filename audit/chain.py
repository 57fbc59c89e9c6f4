"""The arithmetic of the chain: what is signed, and with which key. No database here."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings

VERSION = 1
FIRST = "0" * 64  # what the first entry of a stream names as its forerunner


def moment(at: datetime) -> str:
    """Return `at` in UTC, always with microseconds: one moment has one text."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def canonical(value: Any) -> str:
    """Return `value` as JSON with sorted keys, in ASCII, so that text and bytes are one thing.

    Money and moments are strings; a float that JSON cannot say is one too.
    """
    return json.dumps(
        _finite(value), sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain
    )


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def sign(text: str) -> str:
    return hmac.new(settings.AUDIT_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


def is_signed(text: str, signature: str) -> bool:
    return hmac.compare_digest(sign(text).encode(), signature.encode())


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return moment(value) if value.tzinfo else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(getattr(value, "pk", value))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(name): _finite(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return value
