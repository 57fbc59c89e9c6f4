"""How the whole installation does, in two lines for everybody: the card beside every page.

One statement reads it, at most every `KEPT_S` in a process, so that a page costs one query more at
the worst, and most none.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass

from django.db import DatabaseError
from django.db.models import Count, QuerySet, Value
from django.db.models.functions import Now

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
class Condition:
    """What the card says. `tone` is a word that CSS knows; nothing here is private to anybody."""

    tone: str
    headline: str
    detail: str


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
        return tell(_counts())
    except DatabaseError:
        logger.warning("The condition of the installation cannot be read", exc_info=True)
        return Condition("danger", "The database does not answer", "Pages may fail until it does")


@dataclass(frozen=True, slots=True)
class Counts:
    """What the condition is told by. `settled_workers` have run for longer than a tick may lag."""

    workers: int = 0
    settled_workers: int = 0
    waiting: int = 0
    paused_providers: int = 0
    down_providers: int = 0
    job_moves: int = 0


def tell(counts: Counts) -> Condition:
    """Put `counts` into words: what stands still first, then what limps, then how busy it is."""
    waiting = f"{count(counts.waiting)} waiting" if counts.waiting else "nothing waiting"
    busy = f"{_many(counts.workers, 'worker')} · {waiting}"
    if not counts.workers:
        runs = _many(counts.waiting, "run")
        verb = "waits" if counts.waiting == 1 else "wait"
        return Condition(
            "danger",
            "No worker is running",
            f"{runs} {verb} for one" if counts.waiting else "What you start will wait for one",
        )
    if counts.settled_workers and not counts.job_moves:
        return Condition("warning", "Background jobs stand still", "Restarting the worker helps")
    if counts.paused_providers:
        return Condition("warning", f"{_providers(counts.paused_providers)} paused", busy)
    if counts.down_providers:
        return Condition("warning", f"{_providers(counts.down_providers)} not answering", busy)
    return Condition("success", "All systems normal", busy)


def _counts() -> Counts:
    beating = EngineWorker.objects.filter(kind="worker", beat_at__gte=Now() - EngineWorker.SILENCE)
    late = Now() - TICK_MAY_BE_LATE
    first, *rest = (
        _counted("workers", beating),
        _counted("settled_workers", beating.filter(started_at__lt=late)),
        _counted("waiting", Run.objects.pending()),
        _counted("paused_providers", ProviderState.objects.exclude(paused_reason="")),
        _counted(
            "down_providers", ProviderState.objects.filter(paused_reason="", open_until__gt=Now())
        ),
        _counted("job_moves", JobStamp.objects.filter(name=TICK, stamped_at__gte=late)),
        _counted("job_moves", JobRun.objects.filter(started_at__gte=late)),
    )
    counts: Counter[str] = Counter()
    for name, number in first.union(*rest, all=True):
        counts[name] += number
    return Counts(**counts)


def _counted(name: str, rows: QuerySet) -> QuerySet:  # type: ignore[type-arg]  # any model's
    named = rows.order_by().annotate(what=Value(name)).values("what")
    return named.annotate(number=Count("pk")).values_list("what", "number")


def _many(number: int, thing: str) -> str:
    return f"{count(number)} {thing}{'' if number == 1 else 's'}"


def _providers(number: int) -> str:
    return "A provider is" if number == 1 else f"{number} providers are"
