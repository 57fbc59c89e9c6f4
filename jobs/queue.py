"""Putting jobs on the queue. Together with `runner` and `worker`, all that speaks django-q2."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import Failure, OrmQ
from django_q.tasks import async_task

from jobs import registry
from jobs.models import JobRun

# The two functions that django-q2 is ever given.
RUN_JOB = "jobs.runner.run_job"
RUN_TICK = "jobs.runner.tick"


class _Desk(ORM):  # type: ignore[misc]  # django-q2 has no types
    """The stock broker, which also remembers the number of the row it wrote."""

    ticket: int

    def enqueue(self, task: str) -> int:
        self.ticket = super().enqueue(task)
        return self.ticket


def enqueue(name: str, **arguments: Any) -> JobRun:
    """Put the job `name` on the queue, in the caller's transaction: both happen or neither.

    Arguments are ids and JSON scalars. Raises `UnknownTask`.
    """
    task = registry.get(name)
    job = JobRun(name=task.name, arguments=arguments, created_at=timezone.now())
    with transaction.atomic():
        job.ticket = _hand_over(job)
        job.save(force_insert=True)
    return job


def requeue(job: JobRun) -> bool:
    """Put a job that is not on the queue there again; False when another process was first."""
    with transaction.atomic():
        waiting = JobRun.objects.filter(
            pk=job.pk,
            state=JobRun.State.QUEUED,
            next_attempt_at=job.next_attempt_at,
            ticket=job.ticket,
        )
        # The row first: whoever changes it may hand it over, and nobody else.
        if waiting.update(next_attempt_at=None, ticket=-1) != 1:
            return False
        JobRun.objects.filter(pk=job.pk).update(ticket=_hand_over(job))
    return True


def take_back(job: JobRun) -> None:
    """Remove the job's row from the queue; the caller runs it or drops it."""
    OrmQ.objects.filter(pk=job.ticket).delete()


def ask_for_tick() -> None:
    """Have the minute's work done at once: a worker that starts need not wait for the minute."""
    async_task(RUN_TICK, q_options={"task_name": "jobs.tick"})


def queue_depth() -> int:
    """Return how many jobs nobody has fetched yet."""
    return int(OrmQ.objects.filter(key=Conf.CLUSTER_NAME, lock__lte=timezone.now()).count())


def forget_failures(*, before: datetime) -> None:
    """Delete what django-q2 keeps of broken ticks; jobs that fail are told by their own rows."""
    Failure.objects.filter(stopped__lt=before).delete()


def release_fetched(tickets: list[int | None], *, before: datetime) -> int:
    """Offer rows again that were fetched before `before`; their cluster may be gone.

    Harmless where it is not: a job that is delivered twice runs once.
    """
    fetched = OrmQ.objects.filter(
        pk__in=tickets,
        lock__gt=timezone.now(),
        lock__lt=before + timedelta(seconds=Conf.RETRY),
    )
    return int(fetched.update(lock=timezone.now()))


def _hand_over(job: JobRun) -> int:
    desk = _Desk()
    limit_s = int(registry.limit_of(job.name).total_seconds())
    options = {"broker": desk, "timeout": limit_s, "task_name": job.name}
    async_task(RUN_JOB, str(job.pk), q_options=options)
    return desk.ticket
