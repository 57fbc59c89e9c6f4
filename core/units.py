"""Figures as people read them. Unknown (`None`) is said as such, never as 0."""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal

UNKNOWN = "unknown"
_SECOND_MS = 1_000
_MINUTE_S = 60
_HOUR_S = 3_600
_DAY_S = 86_400


def usd(amount: Decimal | None, *, rounding: str = ROUND_HALF_EVEN) -> str:
    """Return `amount` in dollars: cents from one dollar up, else at least two digits that count.

    A run costs a fraction of a cent; “$0.00” would say that it was free.
    """
    if amount is None:
        return UNKNOWN
    sign, size = ("-" if amount < 0 else ""), abs(amount)
    places = max(2, 1 - size.adjusted()) if 0 < size < 1 else 2
    rounded = size.quantize(Decimal(1).scaleb(-places), rounding=rounding)
    whole, _, cents = f"{rounded:,f}".partition(".")
    return f"{sign}${whole}.{cents[:2]}{cents[2:].rstrip('0')}"


def usd_left(amount: Decimal | None) -> str:
    """Return what may still be spent, rounded down: the gate would refuse what is not there."""
    return usd(amount, rounding=ROUND_DOWN)


def count(number: int | None) -> str:
    """Return `number` with its thousands apart."""
    return UNKNOWN if number is None else f"{number:,}"


def duration(length: timedelta | None) -> str:
    """Return `length` in its two largest units: 340 ms, 2.4 s, 3 min 5 s, 2 h 10 min, 4 d 3 h."""
    if length is None:
        return UNKNOWN
    if length < timedelta(0):
        return f"-{duration(-length)}"
    milliseconds = round(length / timedelta(milliseconds=1))
    if milliseconds < _SECOND_MS:
        return f"{milliseconds} ms"
    if milliseconds < _MINUTE_S * _SECOND_MS:
        return f"{milliseconds // 100 / 10:.1f} s"
    seconds = milliseconds // _SECOND_MS
    if seconds < _HOUR_S:
        return _pair(seconds, _MINUTE_S, "min", 1, "s")
    if seconds < _DAY_S:
        return _pair(seconds, _HOUR_S, "h", _MINUTE_S, "min")
    return _pair(seconds, _DAY_S, "d", _HOUR_S, "h")


def duration_ms(milliseconds: int | None) -> str:
    return duration(None if milliseconds is None else timedelta(milliseconds=milliseconds))


def _pair(seconds: int, large: int, large_name: str, small: int, small_name: str) -> str:
    whole, rest = divmod(seconds, large)
    part = rest // small
    return f"{whole} {large_name} {part} {small_name}" if part else f"{whole} {large_name}"
