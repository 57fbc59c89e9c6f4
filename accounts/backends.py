"""What a role may do in the Django admin."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.backends import ModelBackend

from accounts.models import User


class RoleBackend(ModelBackend):
    """Staff may work with every model of Helix; the rest of Django's is the superuser's.

    A task of django-q2 names a function to call, a group grants permissions: whoever edits those
    owns the installation. What staff may do with people, `accounts.admin` narrows further.
    """

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        if super().has_perm(user_obj, perm, obj):
            return True
        return _is_active_staff(user_obj) and perm.partition(".")[0] in our_apps()

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        if super().has_module_perms(user_obj, app_label):
            return True
        return _is_active_staff(user_obj) and app_label in our_apps()


def _is_active_staff(user: Any) -> bool:
    return isinstance(user, User) and user.is_active and user.role == User.Role.STAFF


@cache
def our_apps() -> frozenset[str]:
    return frozenset(
        app.label for app in apps.get_app_configs() if Path(app.path).parent == settings.BASE_DIR
    )
