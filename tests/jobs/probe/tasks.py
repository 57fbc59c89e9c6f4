from __future__ import annotations

import time
from datetime import timedelta

from jobs.registry import task
from tests.jobs.probe.marks import mark


@task("probe.sleep", limit=timedelta(seconds=60))
def sleep(seconds: float) -> None:
    mark("sleeping")
    time.sleep(seconds)
    mark("woke")


@task("probe.overrun", limit=timedelta(seconds=1), max_attempts=1)
def overrun() -> None:
    mark("sleeping")
    time.sleep(30)
