from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from operations.engine.loop import Engine
from operations.models import Run
from scheduling.models import Execution, Schedule
from tests.builders import make_user
from tests.scheduling.builders import make_schedule

PATIENCE_S = 20.0


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_an_engine_fires_a_schedule_runs_it_and_releases_it() -> None:
    make_schedule(
        owner=make_user("carol"),
        expression="0 0 1 1 *",
        next_at=timezone.now() - timedelta(seconds=1),
    )

    stop = Engine(slots=2).start()
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and not Run.objects.filter(status__in=Run.FINAL).exists():
        time.sleep(0.05)
    stop(PATIENCE_S)

    assert Execution.objects.get().status == "success"
    schedule = Schedule.objects.get()
    assert schedule.execution_count == 1
    assert (schedule.running_execution, schedule.running_since) == (None, None)
