from __future__ import annotations

from accounts.models import User
from core.errors import DomainError


class UnknownUser(DomainError):
    """There is no such user."""


def find_user(username: str) -> User:
    """Return the user called `username`, for commands that act for somebody (`--user`)."""
    try:
        return User.objects.get(username=username)
    except User.DoesNotExist:
        raise UnknownUser(
            f"There is no user “{username}”. Give --user a name that `manage.py users list` shows."
        ) from None
