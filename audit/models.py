from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models

from core.ids import uuid7

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User

SYSTEM_STREAM = "system"


class AuditStreamQuerySet(models.QuerySet["AuditStream"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(name=str(user.pk)) if user.is_authenticated else self.none()


class AuditStream(models.Model):
    """The head of one chain: whoever appends locks this row first."""

    name = models.CharField(primary_key=True, max_length=36, help_text="An owner's id, or system.")
    seq = models.BigIntegerField(help_text="Number of the newest entry.")
    hash = models.CharField(max_length=64, help_text="Hash of the newest entry.")

    objects = AuditStreamQuerySet.as_manager()

    class Meta:
        db_table = "audit_streams"

    def __str__(self) -> str:
        return self.name


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Return the events of the user's own stream; nobody's role shows them another's."""
        return self.filter(stream=str(user.pk)) if user.is_authenticated else self.none()

    def about(self, target: models.Model) -> Self:
        return self.filter(target=target_name(target))


class AuditEvent(models.Model):
    """One entry of a chain. The database refuses to change or delete it.

    `text` is what was signed, byte for byte; the columns repeat it for searching, and `verify`
    holds them against it. People are named without a foreign key's constraint: the log outlives
    the rows it speaks of.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    stream = models.CharField(max_length=36)
    seq = models.BigIntegerField()
    at = models.DateTimeField(db_index=True)
    actor: models.ForeignKey[Any, User | None] = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
        help_text="Who did it; empty for the system.",
    )
    action = models.CharField(max_length=64)
    target = models.CharField(max_length=200)
    ip = models.CharField("address", max_length=45, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    text = models.TextField()
    hash = models.CharField(max_length=64)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        db_table = "audit_events"
        constraints = [
            models.UniqueConstraint(fields=["stream", "seq"], name="audit_event_place_in_stream")
        ]
        indexes = [models.Index(fields=["target", "at"], name="audit_event_target")]

    def __str__(self) -> str:
        return f"{self.action} {self.target}"


class AuditDetailQuerySet(models.QuerySet["AuditDetail"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(event__in=AuditEvent.objects.visible_to(user))


class AuditDetail(models.Model):
    """What changed, beside the chain: bulky or personal, and committed to by its digest."""

    event = models.OneToOneField(
        AuditEvent, primary_key=True, on_delete=models.PROTECT, related_name="detail"
    )
    text = models.TextField()

    objects = AuditDetailQuerySet.as_manager()

    class Meta:
        db_table = "audit_details"

    def __str__(self) -> str:
        return f"Detail of {self.event_id}"


def target_name(target: models.Model | str) -> str:
    return target if isinstance(target, str) else f"{target._meta.label_lower}:{target.pk}"
