from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register
from django.db.models.signals import post_migrate


class JobsConfig(AppConfig):
    name = "jobs"

    def ready(self) -> None:
        from django.apps import apps
        from django_q.signals import post_spawn

        from jobs.checks import check_intervals
        from jobs.schedule import ensure_tick
        from jobs.worker import start_in_worker

        post_migrate.connect(ensure_tick, sender=apps.get_app_config("django_q"))
        post_spawn.connect(start_in_worker)
        register(check_intervals)
