"""What a worker process executes: one job by its id, and the minute's tick."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from django_q.exceptions import TimeoutException

from core.errors import DomainError
from core.secrets.masking import mask
from jobs import queue, registry, services, worker
from jobs.models import JobRun

logger = logging.getLogger(__name__)

LEASE_MARGIN = timedelta(seconds=30)  # django-q2 stops a job at its limit; then we write it down
LEASE = timedelta(minutes=5)  # of a job run by hand, for as long as its process renews it
RENEW_S = 60.0

_current: ContextVar[JobRun | None] = ContextVar("job", default=None)


def run_job(job_id: str) -> None:
    """Run the job if it still waits; a second delivery finds it taken and stops."""
    job = JobRun.objects.filter(pk=job_id).first()
    if job is None:
        return
    if worker.stopping.is_set():
        queue.requeue(job)  # for another worker, or for this one when it is back
    elif job.claim(limit=registry.limit_of(job.name) + LEASE_MARGIN, now=timezone.now()):
        _carry_out(job)


def run_now(name: str, **arguments: object) -> JobRun:
    """Run the job `name` here and return its row; no worker is needed, its time limit is off."""
    task = registry.get(name)
    now = timezone.now()
    with transaction.atomic():  # else a tick finds it queued, without a row in the queue
        job = JobRun.objects.create(name=task.name, arguments=arguments, created_at=now)
        job.claim(limit=LEASE, now=now)
    with _kept(job):
        _carry_out(job)
    return job


@contextmanager
def _kept(job: JobRun) -> Iterator[None]:
    """Renew the job's lease until the block ends: it may take long, and its process may die."""
    has_ended = threading.Event()
    thread = threading.Thread(target=_renew, args=(job.pk, job.attempts, has_ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join()


def _renew(job_id: UUID, attempt: int, has_ended: threading.Event) -> None:
    running = JobRun.objects.filter(pk=job_id, state=JobRun.State.RUNNING, attempts=attempt)
    try:
        while not has_ended.wait(RENEW_S):
            try:
                running.update(lease_expires_at=timezone.now() + LEASE)
            except DatabaseError:
                logger.exception("The lease of job %s could not be renewed", job_id)
    finally:
        connection.close()


def drain_queue() -> int:
    """Run everything that waits, here, and return how many jobs that was (tests, demo)."""
    done = 0
    while job := JobRun.objects.on_queue().order_by("id").first():
        queue.take_back(job)
        run_job(str(job.pk))
        done += 1
    return done


def report_progress(percent: int) -> None:
    """Say from inside a job how far it is. Outside of one it does nothing."""
    job = _current.get()
    if job:
        running = JobRun.objects.filter(pk=job.pk, attempts=job.attempts)
        running.update(progress=max(0, min(100, percent)))


def tick() -> None:
    """Do the minute's work; django-q2's only schedule calls it."""
    services.tick(now=timezone.now())


def _carry_out(job: JobRun) -> None:
    token = _current.set(job)
    try:
        registry.get(job.name).function(**job.arguments)
    except DomainError as refusal:
        # A rule said no, and will say no again.
        job.leave(JobRun.State.FAILED, now=timezone.now(), error=mask(str(refusal)))
    except TimeoutException:
        services.settle_failure(
            job,
            error=f"Took longer than its limit of {registry.limit_of(job.name)}.",
            now=timezone.now(),
        )
    except (Exception, SystemExit) as error:
        logger.exception("Job %s failed", job.name, extra={"job_id": str(job.pk)})
        services.settle_failure(job, error=f"{type(error).__name__}: {error}", now=timezone.now())
    else:
        job.leave(JobRun.State.SUCCESS, now=timezone.now(), progress=100)
    finally:
        _current.reset(token)
