"""Where the request that is being answered comes from, for whoever writes down what it did."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """Empty outside a request: in commands, jobs and the engine."""

    request_id: str = ""
    ip: str = ""


_NOWHERE = Origin()
_current: ContextVar[Origin] = ContextVar("origin", default=_NOWHERE)


def current() -> Origin:
    return _current.get()


def begin(origin: Origin) -> None:
    _current.set(origin)


def end() -> None:
    _current.set(_NOWHERE)
