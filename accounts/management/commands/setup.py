from __future__ import annotations

import os
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command

from accounts.models import User
from accounts.services import create_first_user
from core import assets, staticfiles
from core.commands import HelixCommand, validation_sentence
from core.errors import DomainError

USERNAME = "HELIX_ADMIN_USERNAME"
PASSWORD = "HELIX_ADMIN_PASSWORD"  # noqa: S105  # the variable's name


class Command(HelixCommand):
    help = "Bring this installation up to date: migrations, assets, static files, the first user."
    requires_system_checks = []  # they read tables that migrations are about to make

    def handle(self, **_: Any) -> None:
        call_command("migrate", verbosity=0)
        if note := assets.build()[1]:
            self.stderr.write(note)
        if staticfiles.is_needed():
            staticfiles.collect()
        user, password = first_user()
        text = (
            f"\n  First user: {user.username}\n"
            f"  Password:   {password}\n"
            "  It is shown this once; `manage.py users` can set another.\n"
        )
        if password or self._as_json:
            self.emit({"first_user": user.username, "password": password}, text)


def first_user() -> tuple[User, str | None]:
    """Return the first superuser, made if there is none, and a password that was made for them."""
    first = User.objects.filter(is_superuser=True).order_by("date_joined").first()
    if first is not None:
        return first, None
    username = os.environ.get(USERNAME, "").strip() or "admin"
    password = os.environ.get(PASSWORD, "")
    if User.objects.filter(username=username).exists():
        raise DomainError(
            f"{USERNAME}: there is a user “{username}” already, who is no superuser;"
            " choose another name."
        )
    if password:
        try:
            validate_password(password, User(username=username))
        except ValidationError as error:
            raise DomainError(f"{PASSWORD}: {validation_sentence(error)}") from error
    try:
        login = create_first_user(username, password)
    except ValidationError as error:
        raise DomainError(f"{USERNAME} “{username}”: {validation_sentence(error)}") from error
    return login.user, login.password.reveal() if login.password else None
