from __future__ import annotations

from django.apps import AppConfig


class SchedulingConfig(AppConfig):
    name = "scheduling"

    def ready(self) -> None:
        from jobs.worker import on_worker_start
        from operations import hooks
        from scheduling import firing

        hooks.on_tick(firing.fire_due)
        hooks.on_settled(firing.release_settled)
        on_worker_start(firing.replan_in_worker)
