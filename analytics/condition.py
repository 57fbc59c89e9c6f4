"""How the whole installation does, in two lines for everybody: the card beside every page.

One statement reads it, at most every `KEPT_S` in a process, so that a page costs one query more at
the worst, and most none.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError
from django.db.models import Count, QuerySet, TextField, Value
from django.db.models.functions import Concat, Now

from core import vitals
from core.health import Level
from core.units import count
from jobs.models import JobRun, JobStamp
from jobs.services import TICK, TICK_MAY_BE_LATE
from operations.models import EngineWorker, ProviderState, Run

logger = logging.getLogger(__name__)

KEPT_S = 3.0

_kept: tuple[float, Condition] | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """A provider that is not asked now: paused for `reason` until someone acts, else down."""

    provider: str
    reason: str


@dataclass(frozen=True, slots=True)
class Condition:
    """What the card says. `tone` is a word that CSS knows; nothing here is private to anybody."""

    tone: str
    headline: str
    detail: str
    troubles: tuple[Trouble, ...] = ()


def current() -> Condition:
    """Return the condition, at most `KEPT_S` old. Never raises: a page must not fail for it."""
    global _kept  # noqa: PLW0603  one per process is the point
    now = time.monotonic()
    kept = _kept
    if kept is not None and now - kept[0] < KEPT_S:
        return kept[1]
    condition = _look()
    _kept = (now, condition)
    return condition


def forget() -> None:
    """Have this process look again at once."""
    global _kept  # noqa: PLW0603
    _kept = None


def _look() -> Condition:
    try:
        if vitals.check_migrations().level == Level.RED:
            return Condition(
                "danger", "The database is not up to date", "Run “manage.py setup”, then restart"
            )
        return tell(_read())
    except DatabaseError:
        logger.warning("The condition of the installation cannot be read", exc_info=True)
        return Condition("danger", "The database does not answer", "Pages may fail until it does")


@dataclass(frozen=True, slots=True)
class Counts:
    """What the condition is told by. `settled_workers` have run for longer than a tick may lag."""

    workers: int = 0
    settled_workers: int = 0
    waiting: int = 0
    job_moves: int = 0
    troubles: tuple[Trouble, ...] = ()


def tell(counts: Counts) -> Condition:
    """Put `counts` into words: what stands still first, then what limps, then how busy it is."""
    tone, headline, detail = _words(counts)
    return Condition(tone, headline, detail, counts.troubles)


def _words(counts: Counts) -> tuple[str, str, str]:
    waiting = f"{count(counts.waiting)} waiting" if counts.waiting else "nothing waiting"
    busy = f"{_many(counts.workers, 'worker')} · {waiting}"
    if not counts.workers:
        runs = _many(counts.waiting, "run")
        verb = "waits" if counts.waiting == 1 else "wait"
        detail = f"{runs} {verb} for one" if counts.waiting else "What you start will wait for one"
        return "danger", "No worker is running", detail
    if counts.settled_workers and not counts.job_moves:
        return "warning", "Background jobs stand still", "Restarting the worker helps"
    paused = [each for each in counts.troubles if each.reason]
    if paused:
        return "warning", f"{_providers(len(paused))} paused", busy
    if counts.troubles:
        return "warning", f"{_providers(len(counts.troubles))} not answering", busy
    return "success", "All systems normal", busy


_PROVIDER = "provider"


def _read() -> Counts:
    """Ask for all of it in one statement: each part gives rows of (what, how many, a text)."""
    beating = EngineWorker.objects.taking_runs()
    late = Now() - TICK_MAY_BE_LATE
    first, *rest = (
        _counted("workers", beating),
        _counted("settled_workers", beating.filter(started_at__lt=late)),
        _counted("waiting", Run.objects.pending()),
        _counted("job_moves", JobStamp.objects.filter(name=TICK, stamped_at__gte=late)),
        _counted("job_moves", JobRun.objects.filter(started_at__gte=late)),
        ProviderState.objects.exclude(paused_reason="", open_until=None)
        .exclude(paused_reason="", open_until__lte=Now())
        .values_list(
            Concat(Value(f"{_PROVIDER}:"), "provider", output_field=TextField()),
            Value(1),
            "paused_reason",
        ),
    )
    numbers: Counter[str] = Counter()
    troubles = []
    for what, number, text in first.union(*rest, all=True):
        kind, _, provider = what.partition(":")
        if kind == _PROVIDER:
            troubles.append(Trouble(provider, text))
        else:
            numbers[what] += number
    return Counts(**numbers, troubles=tuple(sorted(troubles, key=lambda each: each.provider)))


def _counted(what: str, rows: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
    text = Value("", output_field=TextField())
    named = rows.order_by().annotate(what=Value(what, output_field=TextField()), text=text)
    counted: QuerySet[Any, Any] = named.values("what", "text").annotate(number=Count("pk"))
    return counted.values_list("what", "number", "text")


def _many(number: int, thing: str) -> str:
    return f"{count(number)} {thing}{'' if number == 1 else 's'}"


def _providers(number: int) -> str:
    return "A provider is" if number == 1 else f"{number} providers are"
