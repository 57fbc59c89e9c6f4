from __future__ import annotations

from collections.abc import Callable

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "operations"

    def ready(self) -> None:
        from jobs.worker import on_worker_start

        on_worker_start(start_engine)


def start_engine() -> Callable[[float], None]:
    """Start this worker process's engine loop; imported late, since only workers need it."""
    from operations.engine.loop import Engine

    return Engine().start()
