"""What must be true for Helix to work: each app says it about itself, in its own `health.py`.

`/readyz` asks for the few that decide whether this process may be sent requests; `doctor` asks all.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TypeVar

from django.db import DatabaseError
from django.utils.module_loading import autodiscover_modules

logger = logging.getLogger(__name__)


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"  # worth knowing; nothing stands still
    RED = "red"


@dataclass(frozen=True)
class Finding:
    """What a check found. `says` may be read by anyone: no address, no name, no error's text."""

    level: Level
    says: str
    mend: str = ""
    detail: str = ""


@dataclass(frozen=True)
class _Check:
    look: Callable[[], Finding]
    is_for_readiness: bool


Look = TypeVar("Look", bound=Callable[[], Finding])

_checks: dict[str, _Check] = {}


def ok(says: str) -> Finding:
    return Finding(Level.OK, says)


def warning(says: str, *, mend: str, detail: str = "") -> Finding:
    return Finding(Level.WARNING, says, mend, detail)


def red(says: str, *, mend: str, detail: str = "") -> Finding:
    return Finding(Level.RED, says, mend, detail)


def check(name: str, *, is_for_readiness: bool = False) -> Callable[[Look], Look]:
    """Register a function as the check `name`."""

    def decorate(look: Look) -> Look:
        _checks[name] = _Check(look, is_for_readiness)
        return look

    return decorate


def examine(*, only_readiness: bool = False, without: Collection[str] = ()) -> dict[str, Finding]:
    """Return what each check finds now. A check that breaks is red; the others go on."""
    _discover()
    return {
        name: _examine(name, check.look)
        for name, check in _checks.items()
        if (check.is_for_readiness or not only_readiness) and name not in without
    }


def _examine(name: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except DatabaseError as error:  # its own checks say more; a traceback would hide them
        return red(
            "Could not be examined: the database did not answer as it should.",
            mend="First what “database” and “migrations” say.",
            detail=" ".join(str(error).split()),
        )
    except Exception as error:
        logger.warning("The check “%s” broke", name, exc_info=True)
        return red(
            "Could not be examined.", mend="See the log.", detail=f"{type(error).__name__}: {error}"
        )


@cache
def _discover() -> None:
    from core import vitals  # noqa: F401 - the checks of core itself, which import this module

    autodiscover_modules("health")
