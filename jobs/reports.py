"""What the jobs page says: the system's own jobs, and how the queue does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean

from django.db.models import Count, Min, Q
from django.utils import timezone

from core import units
from core.svg import Bar
from jobs import queue, registry, services
from jobs.models import JobRun, JobRunQuerySet, JobStamp

RECENT = 20  # runs of a job that its strip and its figures speak of
TARGET = 0.95  # of them succeed


@dataclass(frozen=True, kw_only=True)
class SystemJob:
    """A job that the system starts; `every` and `next_at` are None where it is switched off."""

    name: str
    every: timedelta | None
    next_at: datetime | None
    is_due: bool = False  # its time has come; the next tick starts it
    recent: Sequence[JobRun]  # oldest first

    @property
    def title(self) -> str:
        return self.name.rpartition(".")[2].replace("_", " ").capitalize()

    @property
    def newest(self) -> JobRun | None:
        return self.recent[-1] if self.recent else None

    @property
    def last_start(self) -> datetime | None:
        return max((run.started_at for run in self.recent if run.started_at), default=None)

    @property
    def is_about(self) -> bool:
        return bool(self.newest and self.newest.state in JobRun.ACTIVE)

    @property
    def _over(self) -> list[JobRun]:
        return [run for run in self.recent if run.state in JobRun.TERMINAL]

    @property
    def success_rate(self) -> float | None:
        over = self._over
        return sum(run.state == JobRun.State.SUCCESS for run in over) / len(over) if over else None

    @property
    def is_below_target(self) -> bool:
        return self.success_rate is not None and self.success_rate < TARGET

    @property
    def mean_ms(self) -> int | None:
        lengths = [run.duration_ms for run in self._over if run.duration_ms is not None]
        return round(fmean(lengths)) if lengths else None

    @property
    def bars(self) -> list[Bar]:
        return [Bar(run.state, run.duration_ms, _told(run)) for run in self.recent]

    @property
    def strip_label(self) -> str:
        if self.newest is None:
            return "No runs yet"
        failed = sum(run.state == JobRun.State.FAILED for run in self.recent)
        runs = f"Last {len(self.recent)} runs" if len(self.recent) > 1 else "Last run"
        return f"{runs}: {failed} failed, latest {self.newest.get_state_display().lower()}"


@dataclass(frozen=True, kw_only=True)
class Board:
    """The system's jobs and the queue at one moment."""

    system: Sequence[SystemJob]
    queued: int
    pausing: int  # of the queued: they wait to be tried again
    running: int
    oldest: timedelta | None  # how long the oldest has waited; None where none waits
    depth: int  # jobs that no worker has fetched
    moved_at: datetime | None
    target: float = TARGET


def board(jobs: JobRunQuerySet, *, now: datetime) -> Board:
    """Return the board of `jobs`, those that its reader may see. Six queries, whatever there is."""
    ready = Q(state=JobRun.State.QUEUED, next_attempt_at=None)
    figures = jobs.active().aggregate(
        queued=Count("id", filter=Q(state=JobRun.State.QUEUED)),
        ready=Count("id", filter=ready),
        running=Count("id", filter=Q(state=JobRun.State.RUNNING)),
        oldest=Min("created_at", filter=ready),
    )
    return Board(
        system=_system(jobs, now),
        queued=figures["queued"],
        pausing=figures["queued"] - figures["ready"],
        running=figures["running"],
        oldest=now - figures["oldest"] if figures["oldest"] else None,
        depth=queue.queue_depth(),
        moved_at=services.moved_at(),
    )


def _system(jobs: JobRunQuerySet, now: datetime) -> list[SystemJob]:
    names = registry.periodic_names()
    stamps = dict(JobStamp.objects.filter(name__in=names).values_list("name", "stamped_at"))
    switched_on = {job.name: job for job in registry.all_periodic()}
    recent: defaultdict[str, list[JobRun]] = defaultdict(list)
    for run in jobs.newest_of(names, RECENT).order_by("id"):
        recent[run.name].append(run)
    system = []
    for name in names:
        job = switched_on.get(name)
        next_at = _next(job, stamps.get(name), now) if job else None
        system.append(
            SystemJob(
                name=name,
                every=job.every if job else None,
                next_at=next_at,
                is_due=next_at == now,
                recent=recent[name],
            )
        )
    return system


def _next(job: registry.Periodic, stamped_at: datetime | None, now: datetime) -> datetime:
    """Return when `job` starts next: now where its slot has come, or it never ran."""
    return max(now, job.next_after(stamped_at)) if stamped_at else now


def _told(run: JobRun) -> str:
    """Return what a bar says, in the active time zone."""
    at = f"{timezone.localtime(run.created_at):%Y-%m-%d %H:%M}"
    took = f", {units.duration_ms(run.duration_ms)}" if run.duration_ms is not None else ""
    return f"{run.get_state_display()}, {at}{took}"
