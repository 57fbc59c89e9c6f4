"""Identifiers that sort by the moment of their making."""

from __future__ import annotations

import hashlib
import os
import re
import time
from datetime import datetime
from uuid import UUID

_MS_NS = 1_000_000
_DIGITS = 32
_BEGINNING = re.compile(
    rf"[0-9a-f]{{6,{_DIGITS}}}"
)  # shorter ones are words, and the same for hours


def uuid7() -> UUID:
    """Return a version 7 UUID (RFC 9562): milliseconds, a 12-bit fraction of them, 62 random bits.

    Rows land side by side in the primary key's index, and paging by key is paging by age: the
    fraction orders what one process makes within a millisecond.
    """
    milliseconds, rest = divmod(time.time_ns(), _MS_NS)
    fraction = (rest << 12) // _MS_NS
    noise = int.from_bytes(os.urandom(8), "big") >> 2
    return UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | noise)


def uuid7_from(token: UUID, said: str) -> UUID:
    """Return an id as old as `token`, a version 7 UUID; the same words give the same id."""
    digest = hashlib.blake2b(token.bytes + said.encode(), digest_size=10).digest()
    noise = int.from_bytes(digest, "big") & ~(0xF << 76 | 0b11 << 62)
    return UUID(int=token.int >> 80 << 80 | noise | 0x7 << 76 | 0b10 << 62)


def first_id_at(moment: datetime) -> UUID:
    """Return the lowest id that can be made at `moment` or later: rows younger have higher ones."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)


def ids_beginning_with(text: str) -> tuple[UUID, UUID] | None:
    """Return the first and the last id that `text` can be the beginning of; None where it is none.

    Dashes may stand anywhere, or be missing.
    """
    digits = text.strip().lower().replace("-", "")
    if not _BEGINNING.fullmatch(digits):
        return None
    return UUID(digits.ljust(_DIGITS, "0")), UUID(digits.ljust(_DIGITS, "f"))
