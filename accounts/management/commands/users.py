from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandParser

from accounts import services
from accounts.models import User
from core.commands import HelixCommand


class Command(HelixCommand):
    help = "List, add and help the people of this installation."

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_verb(parser, "list", self.list_users, about="everybody, by name")
        create = self.add_verb(parser, "create", self.create_user, about="add somebody")
        create.add_argument("username")
        create.add_argument("--role", choices=User.Role.values, default=User.Role.USER)
        create.add_argument("--zone", default="UTC", help="IANA name, such as Europe/Berlin")
        create.add_argument("--email", default="")
        change = self.add_verb(
            parser, "set-password", self.set_password, about="give somebody another password"
        )
        change.add_argument("username")
        for verb in (create, change):
            verb.add_argument(
                "--password-stdin",
                action="store_true",
                help="read the password from standard input; else one is made and shown once",
            )

    def list_users(self, **options: Any) -> None:
        users = User.objects.order_by("username")
        rows = [
            {
                "username": user.username,
                "role": user.role,
                "zone": user.zone,
                "is_active": user.is_active,
                "is_superuser": user.is_superuser,
                "last_login_at": user.last_login,
            }
            for user in users
        ]
        lines = [f"{user.username:<30} {user.role:<9} {user.zone}" for user in users]
        self.emit(
            rows, "\n".join(lines) or "There are no users; `manage.py users create` adds one."
        )

    def create_user(
        self,
        *,
        username: str,
        role: str,
        zone: str,
        email: str,
        password_stdin: bool,
        **options: Any,
    ) -> None:
        login = services.create_user(
            username,
            role=role,
            zone=zone,
            email=email,
            password=read_password() if password_stdin else "",
            by=None,
        )
        self.show(login, f"Added {username}.")

    def set_password(self, *, username: str, password_stdin: bool, **options: Any) -> None:
        login = services.set_password(
            services.find_user(username),
            password=read_password() if password_stdin else "",
            by=None,
        )
        self.show(login, f"Changed the password of {username}.")

    def show(self, login: services.NewLogin, said: str) -> None:
        shown = login.password.reveal() if login.password else None
        data = {"username": login.user.username, "role": login.user.role, "password": shown}
        self.emit(data, f"{said} Password, shown this once: {shown}" if shown else said)


def read_password() -> str:
    return sys.stdin.readline().rstrip("\r\n")
