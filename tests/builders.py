"""Rows for tests: valid, saved, and the same every time."""

from __future__ import annotations

from django.db.models import Model

from accounts.models import User

PASSWORD = "correct-horse-battery"


def make_user(
    username: str = "alice",
    *,
    role: User.Role = User.Role.USER,
    zone: str = "UTC",
    is_superuser: bool = False,
    password: str = PASSWORD,
) -> User:
    user = User(username=username, role=role, zone=zone, is_superuser=is_superuser)
    user.set_password(password)
    user.save()
    return user


def rows_with_pages(owner: User) -> dict[str, Model]:
    """Return a row of `owner` for every address that takes an id, by the address's name.

    `tests/core/test_doors.py` visits each as a stranger, and asks for one where it is missing.
    """
    return {}
