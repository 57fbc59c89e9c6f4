from __future__ import annotations

import hashlib
import hmac
from typing import Any, NoReturn

from django.conf import settings

from core.secrets.masking import DOTS, remember


class Secret:
    """A value that nothing prints. `reveal()` is the only way in, and easy to grep.

    JSON refuses it, as it does every object; where an encoder falls back to `str`, it gets dots.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        remember(value)

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"Secret({DOTS})"

    def __str__(self) -> str:
        return DOTS

    def __format__(self, spec: str) -> str:
        return format(DOTS, spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    __hash__ = None  # type: ignore[assignment]  # a hash could be looked up in a table

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("A secret is not pickled; pass its reference and resolve that.")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self


def fingerprint(value: Secret) -> str:
    """Return what tells two secrets apart without helping to guess either."""
    text = b"helix secret fingerprint\0" + value.reveal().encode()
    return hmac.new(settings.AUDIT_KEY.encode(), text, hashlib.sha256).hexdigest()[:16]
