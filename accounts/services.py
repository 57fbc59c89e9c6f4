from __future__ import annotations

from dataclasses import dataclass
from secrets import token_urlsafe

from django.contrib.auth.password_validation import validate_password
from django.db import transaction

from accounts.models import User
from core import changes
from core.errors import DomainError
from core.secrets import Secret

RANDOM_BYTES = 15  # 20 characters, 120 bits


class UnknownUser(DomainError):
    """There is no such user."""


class NameTaken(DomainError):
    """There is a user of this name already."""


@dataclass(frozen=True)
class NewLogin:
    """A user, and the password to show once; None where it was not made here."""

    user: User
    password: Secret | None


def find_user(username: str) -> User:
    """Return the user called `username`, for commands that act for somebody (`--user`)."""
    try:
        return User.objects.get(username=username)
    except User.DoesNotExist:
        raise UnknownUser(
            f"There is no user “{username}”. Give --user a name that `manage.py users list` shows."
        ) from None


@transaction.atomic
def create_first_user(username: str, password: str = "") -> NewLogin:
    """Make the superuser of a new installation, unless there is one already.

    Without `password` a random one is made; the caller prints it, once.
    """
    first = User.objects.filter(is_superuser=True).order_by("date_joined").first()
    if first is not None:
        return NewLogin(first, None)
    return _create(
        User(username=username, role=User.Role.STAFF, is_superuser=True), password, by=None
    )


@transaction.atomic
def create_user(
    username: str,
    *,
    by: User | None,
    role: str = User.Role.USER,
    zone: str = "UTC",
    email: str = "",
    password: str = "",
) -> NewLogin:
    """Make a user; without `password`, with a random one to show once."""
    user = User(username=username, role=role, zone=zone, email=email)
    if password:
        validate_password(password, user)
    return _create(user, password, by=by)


@transaction.atomic
def set_password(user: User, *, by: User | None, password: str = "") -> NewLogin:
    """Give `user` another password; without one, a random one to show once."""
    if password:
        validate_password(password, user)
    shown = None if password else Secret(token_urlsafe(RANDOM_BYTES))
    user.set_password(password or (shown.reveal() if shown else None))
    user.save(update_fields=["password"])
    changes.record("user.password_changed", target=user, owner=user, by=by)
    return NewLogin(user, shown)


def _create(user: User, password: str, *, by: User | None) -> NewLogin:
    if User.objects.filter(username=user.username).exists():
        raise NameTaken(f"There is a user “{user.username}” already; choose another name.")
    shown = None if password else Secret(token_urlsafe(RANDOM_BYTES))
    user.set_password(password or (shown.reveal() if shown else None))
    user.full_clean()
    user.save()
    changes.record(
        "user.created",
        target=user,
        owner=user,
        by=by,
        after={"username": user.username, "role": user.role, "zone": user.zone},
    )
    return NewLogin(user, shown)
