"""The simulated provider's settings: one line of options, off by default, refused when wrong.

`HELIX_SIMULATED_PROVIDER="latency_ms=1000,failure_rate=0.01,failure=rate_limited"`; `1` takes the
defaults. It answers with made-up results, so it is marked wherever it is named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from providers import protocol

MODEL = "simulated-1"
LABEL = "Simulated (no AI, for tests)"
_SETTING = "HELIX_SIMULATED_PROVIDER"

FAILURES: dict[str, type[protocol.ProviderError]] = {
    error.code: error
    for error in (
        protocol.RateLimited,
        protocol.Unavailable,
        protocol.TimedOut,
        protocol.ConnectionLost,
        protocol.Unreadable,
        protocol.Misconfigured,
        protocol.KeyRefused,
        protocol.QuotaExhausted,
        protocol.ModelNotFound,
        protocol.RequestRefused,
        protocol.InvalidAnswer,
    )
}


@dataclass(frozen=True, slots=True)
class Options:
    """How the simulated provider behaves. `rate_limit_rpm` 0 is no limit of its own."""

    latency_ms: float = 0.0
    jitter_ms: float = 0.0
    input_tokens: int = 0  # 0 counts the prompt
    output_tokens: int = 100
    input_usd_per_mtok: Decimal = Decimal("0.1")
    output_usd_per_mtok: Decimal = Decimal("0.5")
    failure_rate: float = 0.0
    failure: str = "unavailable"
    rate_limit_rpm: int = 0


def options() -> Options | None:
    """Return the options in force, or None where the simulated provider is off."""
    return parse(settings.HELIX_SIMULATED_PROVIDER)


@lru_cache(maxsize=8)
def parse(text: str) -> Options | None:
    """Return what `text` asks for; a wrong option stops the start with a sentence naming it."""
    text = text.strip()
    if text.lower() in ("", "0", "false", "no", "off"):
        return None
    if text.lower() in ("1", "true", "yes", "on"):
        return Options()
    chosen: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if name not in _READERS:
            raise _refusal(f"there is no option “{name}”; choose from {', '.join(_READERS)}")
        if not equals or not value:
            raise _refusal(f"“{name}” needs a value, such as {name}={getattr(Options(), name)}")
        if name in chosen:
            raise _refusal(f"“{name}” is given twice")
        chosen[name] = _READERS[name](name, value)
    return Options(**chosen)


def _refusal(reason: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{_SETTING}: {reason}.")


def _number(kind: type[Any], *, at_most: float | None = None) -> Callable[[str, str], Any]:
    def read(name: str, value: str) -> Any:
        try:
            number = kind(value)
            acceptable = 0 <= number < float("inf") and (at_most is None or number <= at_most)
        except (ValueError, ArithmeticError):
            acceptable = False
        if not acceptable:
            whole = "a whole number" if kind is int else "a number"
            bound = "0 or more" if at_most is None else f"from 0 to {at_most:g}"
            raise _refusal(f"“{name}” must be {whole}, {bound}, not “{value}”")
        return number

    return read


def _failure(name: str, value: str) -> str:
    if value not in FAILURES:
        raise _refusal(f"“{name}” must be one of {', '.join(FAILURES)}, not “{value}”")
    return value


_READERS: dict[str, Callable[[str, str], Any]] = {
    "latency_ms": _number(float),
    "jitter_ms": _number(float),
    "input_tokens": _number(int),
    "output_tokens": _number(int),
    "input_usd_per_mtok": _number(Decimal),
    "output_usd_per_mtok": _number(Decimal),
    "failure_rate": _number(float, at_most=1),
    "failure": _failure,
    "rate_limit_rpm": _number(int),
}
assert list(_READERS) == [field.name for field in fields(Options)]  # noqa: S101  one list, twice
