from __future__ import annotations

import zoneinfo
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models

from core.ids import uuid7


def validate_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(
            f"“{name}” is not a time zone this machine knows; use a name such as Europe/Berlin.",
            code="unknown_zone",
        )


class User(AbstractUser):
    """A person: the owner of runs, schedules and budgets."""

    class Role(models.TextChoices):
        VIEWER = "viewer", "Viewer"
        USER = "user", "User"
        APPROVER = "approver", "Approver"
        STAFF = "staff", "Staff"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    zone = models.CharField(
        "time zone",
        max_length=64,
        default="UTC",
        validators=[validate_zone],
        help_text="IANA name. Months, budgets and times on pages follow it.",
    )
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.USER)

    class Meta:
        db_table = "users"

    def save(self, *args: Any, **kwargs: Any) -> None:
        # The role is the statement; Django's admin asks for the flag.
        self.is_staff = self.role == self.Role.STAFF or self.is_superuser
        super().save(*args, **kwargs)


class SignInAttempts(models.Model):
    """How often one name was tried from one address, since when. Neither can be read from it."""

    key = models.CharField(primary_key=True, max_length=64, help_text="Keyed hash of both.")
    count = models.PositiveIntegerField(default=1)
    since = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "sign_in_attempts"
        verbose_name_plural = "sign-in attempts"

    def __str__(self) -> str:
        return self.key
