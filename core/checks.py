"""What must hold before Helix starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.core.checks import CheckMessage
from django.db import OperationalError, connection

from core.models import StoredSecret
from core.secrets import store


def check_stored_secrets(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Refuse to start where a stored secret cannot be opened: two short queries."""
    try:
        if StoredSecret._meta.db_table not in connection.introspection.table_names():
            return []  # before the first migration
        count = store.unreadable_count()
    except OperationalError:
        return [
            checks.Warning(
                "The database does not answer; stored secrets are unchecked.", id="core.W001"
            )
        ]
    except ValueError as error:
        return [
            checks.Error(f"The keys of the secret store cannot be used: {error}", id="core.E002")
        ]
    if not count:
        return []
    return [
        checks.Error(
            f"{count} stored secrets were sealed with a key that is not here.",
            hint="Put the old key back, after the newest, into SECRET_STORE_KEYS or into"
            f" {store.KEY_FILE} in HELIX_VAR_DIR; then `manage.py secrets rekey`. If it is lost, so"
            " are they: `manage.py secrets list` marks them, `secrets set NAME` stores each anew,"
            " `secrets delete NAME` forgets it.",
            id="core.E001",
        )
    ]
