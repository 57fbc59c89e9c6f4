"""What happens to jobs when nobody looks: retries, rescue, periodic starts, clean-up."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django_q.models import OrmQ

from core import changes
from core.errors import DomainError
from core.secrets.masking import mask
from jobs import queue, registry
from jobs.models import JobRun, JobStamp

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)

TICK = "jobs.tick"
TICK_MAY_BE_LATE = timedelta(minutes=5)
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
FETCHED_AND_FORGOTTEN = timedelta(minutes=5)
KEEP = timedelta(days=30)
BATCH = 500  # rows a tick touches of one kind; the next minute takes the rest


class StillAbout(DomainError):
    """The job is queued or running already."""


def pause_before(attempt: int) -> timedelta:
    """Return how long to wait after failed attempt `attempt` (1 is the first), with jitter."""
    pause = min(FIRST_PAUSE * (1 << min(attempt - 1, 10)), LONGEST_PAUSE)
    return pause * random.uniform(0.75, 1.25)  # noqa: S311  # spreads load, keeps no secret


def settle_failure(job: JobRun, *, error: str, now: datetime) -> None:
    """Write down a failed attempt: tried again after a pause, or failed after the last one."""
    try:
        attempts_allowed = registry.get(job.name).max_attempts
    except registry.UnknownTask:
        attempts_allowed = 0
    error = mask(error)
    if job.attempts < attempts_allowed:
        again = now + pause_before(job.attempts)
        job.leave(JobRun.State.QUEUED, now=now, error=error, next_attempt_at=again)
    else:
        job.leave(JobRun.State.FAILED, now=now, error=error)


def tick(*, now: datetime) -> None:
    """Stamp the minute and do what is due. A step that breaks does not keep the others from it."""
    JobStamp.objects.update_or_create(name=TICK, defaults={"stamped_at": now})
    steps: list[Callable[[datetime], int]] = [
        fail_stalled,
        requeue_lost,
        requeue_due,
        start_periodic,
    ]
    for step in steps:
        try:
            step(now)
        except Exception:
            logger.exception("%s: %s broke", TICK, step.__name__)


def fail_stalled(now: datetime) -> int:
    """Settle the jobs that run beyond their limit as failed attempts."""
    stalled = list(JobRun.objects.stalled(now).order_by("id")[:BATCH])
    for job in stalled:
        error = "Its process died, or it ran beyond its time limit."
        settle_failure(job, error=error, now=now)
    return len(stalled)


def requeue_lost(now: datetime) -> int:
    """Find jobs that are queued although the queue has no row for them, or a forgotten one."""
    waiting = JobRun.objects.on_queue().order_by("id")
    held = Exists(OrmQ.objects.filter(pk=OuterRef("ticket")))
    lost = list(waiting.exclude(held)[:BATCH])
    for job in lost:
        if queue.requeue(job):
            logger.warning("Job %s was lost and is queued again", job.pk)
    old = waiting.filter(created_at__lt=now - FETCHED_AND_FORGOTTEN, ticket__isnull=False)
    tickets = list(old.values_list("ticket", flat=True)[:BATCH])
    return len(lost) + queue.release_fetched(tickets, before=now - FETCHED_AND_FORGOTTEN)


def requeue_due(now: datetime) -> int:
    """Queue the jobs whose pause is over."""
    return sum(map(queue.requeue, JobRun.objects.due(now).order_by("next_attempt_at")[:BATCH]))


def start_periodic(now: datetime) -> int:
    """Queue each periodic job whose interval has passed, unless its last one is still about."""
    stamps = dict(JobStamp.objects.values_list("name", "stamped_at"))
    active = set(JobRun.objects.active().values_list("name", flat=True))
    started = 0
    for job in registry.all_periodic():
        last = stamps.get(job.name)
        if job.name in active or (last and job.slot(now) <= job.slot(last)):
            continue
        try:
            started += _start_once(job.name, last=last, now=now) is not None
        except Exception:
            logger.exception("Periodic job %s could not be queued", job.name)
    return started


@transaction.atomic
def start_now(name: str, *, by: User) -> JobRun:
    """Queue the periodic job `name` out of turn. It counts for the interval it falls into.

    Raises `UnknownTask`, and `StillAbout` while its last run waits or is running.
    """
    if name not in registry.periodic_names():
        raise registry.UnknownTask(f"There is no system job “{name}”.")
    stamp = JobStamp.objects.filter(name=name).values_list("stamped_at", flat=True).first()
    is_about = JobRun.objects.active().filter(name=name).exists()
    job = None if is_about else _start_once(name, last=stamp, now=timezone.now())
    if job is None:
        raise StillAbout(f"“{name}” is queued or running already.")
    changes.record("job.started_by_hand", target=job, by=by, after={"job": name})
    return job


def clean_up(*, now: datetime) -> int:
    """Delete the rows of finished jobs that are older than 30 days; return how many."""
    queue.forget_failures(before=now - KEEP)
    finished = JobRun.objects.filter(state__in=JobRun.TERMINAL, finished_at__lt=now - KEEP)
    return finished.delete()[0]


def moved_at() -> datetime | None:
    """Return when the queue last moved: a tick, or a job's start (it may hold a tick up)."""
    stamp = JobStamp.objects.filter(name=TICK).values_list("stamped_at", flat=True).first()
    started = JobRun.objects.exclude(started_at=None).order_by("-started_at")
    newest = started.values_list("started_at", flat=True).first()
    return max((moment for moment in (stamp, newest) if moment), default=None)


def _start_once(name: str, *, last: datetime | None, now: datetime) -> JobRun | None:
    """Stamp the job and queue it; None when another process was first."""
    with transaction.atomic():
        if last is None:
            is_mine = JobStamp.objects.get_or_create(name=name, defaults={"stamped_at": now})[1]
        else:
            unmoved = JobStamp.objects.filter(name=name, stamped_at=last)
            is_mine = unmoved.update(stamped_at=now) == 1
        return queue.enqueue(name) if is_mine else None
