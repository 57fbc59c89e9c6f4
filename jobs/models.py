from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.db.models.expressions import RawSQL
from django.urls import reverse

from core.ids import uuid7

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User

ERROR_LENGTH = 2000  # characters; a stack trace belongs to the log


class JobRunQuerySet(models.QuerySet["JobRun"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Return every job for staff, none for others: system jobs have no owner."""
        return self.all() if getattr(user, "is_staff", False) else self.none()

    def active(self) -> Self:
        return self.filter(state__in=JobRun.ACTIVE)

    def on_queue(self) -> Self:
        """Return those that django-q2 is expected to hold a row for."""
        return self.filter(state=JobRun.State.QUEUED, next_attempt_at=None)

    def due(self, now: datetime) -> Self:
        """Return those whose pause before the next attempt is over."""
        return self.filter(state=JobRun.State.QUEUED, next_attempt_at__lte=now)

    def newest_of(self, names: Sequence[str], count: int) -> Self:
        """Return the newest `count` of each name, read from the index however many there are."""
        if not names:
            return self.none()
        # The outer SELECT is for SQLite, which refuses a LIMIT in a part of a union.
        part = (
            "SELECT id FROM (SELECT id FROM background_job_logs WHERE name = %s"
            " ORDER BY id DESC LIMIT %s) AS newest"
        )
        values = [value for name in names for value in (name, count)]
        return self.filter(pk__in=RawSQL(" UNION ALL ".join([part] * len(names)), values))  # noqa: S611

    def stalled(self, now: datetime) -> Self:
        """Return those that run beyond their time limit: their process died or hangs."""
        return self.filter(state=JobRun.State.RUNNING, lease_expires_at__lt=now)


class JobRun(models.Model):
    """One job: what was asked for, how it went, and when it is tried again."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        SUCCESS = "success", "Success"
        FAILED = "failed", "Failed"

    ACTIVE = frozenset({State.QUEUED, State.RUNNING})
    TERMINAL = frozenset({State.SUCCESS, State.FAILED})

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=100)
    arguments = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    progress = models.PositiveSmallIntegerField(default=0, help_text="Percent, as the job says.")
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    ticket = models.BigIntegerField(null=True, editable=False, help_text="Its row in the queue.")

    objects: ClassVar[models.Manager[JobRun]] = JobRunQuerySet.as_manager()

    class Meta:
        db_table = "background_job_logs"
        verbose_name = "job"
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["state"], name="job_active", condition=Q(state__in=["queued", "running"])
            ),
            models.Index(fields=["name", "-id"], name="job_name_newest"),
            models.Index(fields=["started_at"], name="job_started"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.state})"

    def get_absolute_url(self) -> str:
        return reverse("show_job", args=[self.pk])

    def claim(self, *, limit: timedelta, now: datetime) -> bool:
        """Move queued → running. False when another process was first, or it is not yet due.

        The queue delivers at least once; this is what makes a second delivery harmless.
        """
        queued = JobRun.objects.filter(
            pk=self.pk, state=self.State.QUEUED, next_attempt_at=None, attempts=self.attempts
        )
        values = {
            "state": self.State.RUNNING,
            "started_at": now,
            "finished_at": None,
            "lease_expires_at": now + limit,
            "progress": 0,
        }
        if queued.update(attempts=F("attempts") + 1, **values) != 1:
            return False
        self.attempts += 1
        for field, value in values.items():
            setattr(self, field, value)
        return True

    def leave(self, state: State, *, now: datetime, error: str = "", **values: object) -> bool:
        """Move running → `state`. False when this attempt lost its lease in the meantime."""
        started_at = self.started_at or now
        changes = {
            "state": state,
            "error": error[:ERROR_LENGTH],
            "finished_at": now,
            "duration_ms": int((now - started_at).total_seconds() * 1000),
            "lease_expires_at": None,
            "ticket": None,
            **values,
        }
        running = JobRun.objects.filter(
            pk=self.pk, state=self.State.RUNNING, attempts=self.attempts
        )
        if running.update(**changes) != 1:
            return False
        for field, value in changes.items():
            setattr(self, field, value)
        return True


class JobStamp(models.Model):
    """When a periodic job was last put on the queue; `jobs.tick` is the queue's own pulse."""

    name = models.CharField(max_length=100, primary_key=True)
    stamped_at = models.DateTimeField()

    class Meta:
        db_table = "background_job_stamps"
        verbose_name = "job stamp"
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name} at {self.stamped_at:%Y-%m-%d %H:%M:%S}"
