"""Named tasks: the queue and its log know names, so that a function may move or be renamed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from django.conf import settings
from django.utils.module_loading import autodiscover_modules

from core.errors import DomainError

MAX_ATTEMPTS = 5
LIMIT = timedelta(minutes=5)
LONGEST_LIMIT = timedelta(minutes=15)  # django-q2 hands a job out again after 20

F = TypeVar("F", bound=Callable[..., None])


class UnknownTask(DomainError):
    """There is no job of this name."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A job by name. `limit` is the longest that one attempt may run."""

    name: str
    function: Callable[..., None]
    max_attempts: int = MAX_ATTEMPTS
    limit: timedelta = LIMIT


@dataclass(frozen=True, kw_only=True)
class Periodic:
    """A job that the system starts: once in every `every`, counted from 1970 plus `offset` in UTC.

    Counting from a fixed moment keeps a daily job at its hour, however late a single tick was.
    """

    name: str
    every: timedelta
    offset: timedelta = timedelta(0)

    def slot(self, moment: datetime) -> int:
        return int((moment - self.offset).timestamp() // self.every.total_seconds())

    def next_after(self, moment: datetime) -> datetime:
        """Return when the slot after that of `moment` begins: the next start, at the minute."""
        seconds = (self.slot(moment) + 1) * self.every.total_seconds()
        return datetime.fromtimestamp(seconds, UTC) + self.offset


_tasks: dict[str, Task] = {}
_periodic: dict[str, Periodic] = {}


def task(
    name: str,
    *,
    max_attempts: int = MAX_ATTEMPTS,
    limit: timedelta = LIMIT,
    aliases: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """Register a function as the job `name`; `aliases` are names it had before.

    It is called with ids and JSON scalars, at least once: a second call must do no harm.
    """
    if limit > LONGEST_LIMIT:
        raise ValueError(f"{name}: a job may run for {LONGEST_LIMIT} at most; split it.")

    def decorate(function: F) -> F:
        for known_as in (name, *aliases):
            _tasks[known_as] = Task(
                name=name, function=function, max_attempts=max_attempts, limit=limit
            )
        return function

    return decorate


def periodic(
    name: str,
    *,
    every: timedelta,
    offset: timedelta = timedelta(0),
    max_attempts: int = MAX_ATTEMPTS,
    limit: timedelta = LIMIT,
) -> Callable[[F], F]:
    """Register a function without arguments as a job that the system starts at an interval.

    The clock has minutes: a shorter interval means every minute. `HELIX_JOB_INTERVALS` overrides
    `every` by name; 0 switches the job off.
    """

    def decorate(function: F) -> F:
        _periodic[name] = Periodic(name=name, every=every, offset=offset)
        return task(name, max_attempts=max_attempts, limit=limit)(function)

    return decorate


@cache
def _discover() -> None:
    autodiscover_modules("tasks")


def get(name: str) -> Task:
    """Return the task called `name`, or raise `UnknownTask` naming those there are."""
    _discover()
    try:
        return _tasks[name]
    except KeyError:
        known = ", ".join(sorted({task.name for task in _tasks.values()}))
        raise UnknownTask(f"There is no job “{name}”. Choose one of: {known}.") from None


def limit_of(name: str) -> timedelta:
    """Return the time limit of `name`; of a job that the code no longer knows, the usual one."""
    try:
        return get(name).limit
    except UnknownTask:
        return LIMIT


def all_tasks() -> list[Task]:
    _discover()
    return sorted({task.name: task for task in _tasks.values()}.values(), key=lambda t: t.name)


def periodic_names() -> list[str]:
    """Return the names of all periodic jobs, also of those that are switched off."""
    _discover()
    return sorted(_periodic)


def all_periodic() -> list[Periodic]:
    """Return the periodic jobs that are switched on, with the intervals of the settings."""
    _discover()
    intervals: dict[str, Any] = settings.HELIX_JOB_INTERVALS
    chosen = []
    for job in sorted(_periodic.values(), key=lambda job: job.name):
        every = timedelta(seconds=int(intervals.get(job.name, job.every.total_seconds())))
        if every:
            chosen.append(Periodic(name=job.name, every=every, offset=job.offset))
    return chosen
