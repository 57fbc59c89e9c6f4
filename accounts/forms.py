from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import Any

from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts import throttle
from accounts.models import User
from core import changes


class OwnPasswordForm(AdminPasswordChangeForm):
    """Django's, and the change is recorded."""

    @transaction.atomic
    def save(self, commit: bool = True) -> User:  # noqa: FBT001, FBT002 - Django's signature
        user = super().save(commit)
        changes.record("user.password_changed", target=user, owner=user, by=user)
        return user


class SignInForm(AuthenticationForm):
    """Name and password, tried a few times only. `wait` is set once there were too many tries."""

    wait: timedelta | None = None

    def clean(self) -> dict[str, Any]:
        username = self.cleaned_data.get("username", "")
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        self.wait = throttle.take_attempt(username, address, now=timezone.now())
        if self.wait is not None:
            minutes = ceil(self.wait / timedelta(minutes=1))
            raise ValidationError(
                f"Too many attempts. Wait {minutes} min, then try again.", code="throttled"
            )
        cleaned = super().clean()
        throttle.forget_attempts(username, address)
        return cleaned
