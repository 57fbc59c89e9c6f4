from __future__ import annotations

from django.apps import AppConfig

from jobs.worker import Stop, on_worker_start
from tests.jobs.probe.marks import mark


def start() -> Stop:
    mark("started")
    return stop


def stop(seconds: float) -> None:
    mark("stopped")


def start_badly() -> None:
    mark("broke")
    raise RuntimeError("this loop does not start")


class ProbeConfig(AppConfig):
    name = "tests.jobs.probe"

    def ready(self) -> None:
        on_worker_start(start_badly)
        on_worker_start(start)
