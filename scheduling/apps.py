from __future__ import annotations

from django.apps import AppConfig


class SchedulingConfig(AppConfig):
    name = "scheduling"

    def ready(self) -> None:
        from jobs.worker import on_worker_start
        from operations import hooks
        from operations import origins as run_origins
        from scheduling import firing, origins

        hooks.on_tick(firing.fire_due)
        hooks.on_settled(firing.release_settled)
        run_origins.register(origins.of_runs)
        on_worker_start(firing.replan_in_worker)
