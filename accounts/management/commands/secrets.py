from __future__ import annotations

import sys
from getpass import getpass
from typing import Any

from django.core.management.base import CommandParser

from accounts import services
from accounts.models import User
from core.commands import HelixCommand
from core.models import StoredSecret
from core.secrets import Secret, store


class Command(HelixCommand):
    help = "Keep secrets in the built-in store. Values are read, never shown."
    requires_system_checks = []  # they refuse a store whose key is lost; this is the way out

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_verb(parser, "list", self.list_secrets, about="names, owners and versions")
        put = self.add_verb(
            parser, "set", self.set_secret, about="store the value typed or piped in under a name"
        )
        delete = self.add_verb(parser, "delete", self.delete_secret, about="forget a secret")
        for verb in (put, delete):
            verb.add_argument("name")
            verb.add_argument("--user", help="whose it is; without, the installation's own")
        self.add_verb(
            parser, "rekey", self.rekey, about="seal all with the newest key of SECRET_STORE_KEYS"
        )

    def list_secrets(self, **options: Any) -> None:
        rows = StoredSecret.objects.select_related("owner").order_by("owner__username", "name")
        told = [
            {
                "ref": f"store:{row.name}",
                "user": row.owner.username if row.owner else None,
                "version": row.version,
                "is_readable": store.has_key_for(row),
                "changed_at": row.changed_at,
            }
            for row in rows
        ]
        lines = [
            f"{row['ref']:<40} {row['user'] or '-':<20} version {row['version']}"
            + ("" if row["is_readable"] else "  (its key is lost)")
            for row in told
        ]
        self.emit(told, "\n".join(lines) or "The store is empty.")

    def set_secret(self, *, name: str, user: str | None, **options: Any) -> None:
        typed = getpass("Secret: ") if sys.stdin.isatty() else sys.stdin.read()
        ref = store.put(name, Secret(typed.strip()), owner=owner_of(user), by=None)
        self.emit({"ref": ref}, f"Stored. Refer to it as {ref}")

    def delete_secret(self, *, name: str, user: str | None, **options: Any) -> None:
        store.delete(name, owner=owner_of(user), by=None)
        self.emit({"deleted": f"store:{name}"}, f"Deleted store:{name}.")

    def rekey(self, **options: Any) -> None:
        count = store.rekey(by=None)
        self.emit({"rekeyed": count}, f"Sealed {count} secrets with the newest key.")


def owner_of(username: str | None) -> User | None:
    return services.find_user(username) if username else None
