from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        from core.checks import check_stored_secrets
        from core.secrets.own import remember_own

        remember_own()
        register(check_stored_secrets)
