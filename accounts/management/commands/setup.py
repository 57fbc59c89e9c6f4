from __future__ import annotations

import os
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from accounts.services import create_first_user
from core import staticfiles


class Command(BaseCommand):
    help = "Bring this installation up to date: migrations, static files, the first user."
    requires_system_checks = []  # they read tables that migrations are about to make

    def handle(self, **_: Any) -> None:
        call_command("migrate", verbosity=0)
        if staticfiles.is_needed():
            staticfiles.collect()
        username = os.environ.get("HELIX_ADMIN_USERNAME") or "admin"
        login = create_first_user(username, os.environ.get("HELIX_ADMIN_PASSWORD", ""))
        if login.password:
            self.stdout.write(
                f"\n  First user: {login.user.username}\n"
                f"  Password:   {login.password.reveal()}\n"
                "  It is shown this once; `manage.py users` can set another.\n"
            )
