from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed
from django.db.models.signals import post_migrate


class ProvidersConfig(AppConfig):
    name = "providers"

    def ready(self) -> None:
        from providers import simulated

        simulated.options()  # a wrong option stops the start
        post_migrate.connect(_seed, sender=self)


def _seed(*, apps: Any = installed, using: str = "default", **_: Any) -> None:
    """Fill the catalogue after a migration that leaves its tables there."""
    try:
        apps.get_model("providers", "ModelPrice")
    except LookupError:
        return  # migrated back to before the first migration
    if using == "default":
        from providers import services

        services.sync_catalogue()
