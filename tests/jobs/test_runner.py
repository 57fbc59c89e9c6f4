from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime

import pytest
from django.db import connection, connections
from django.utils import timezone
from django_q.models import OrmQ

from jobs import registry, runner, services
from jobs.models import JobRun

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], object]:
    """Return what registers a function as the job “t.by_hand”, for the test."""
    registry.all_tasks()
    monkeypatch.setattr(registry, "_tasks", dict(registry._tasks))
    return registry.task("t.by_hand")


def elsewhere(do: Callable[[], object]) -> None:
    """Do it as another process would, on a connection of its own."""

    def work() -> None:
        try:
            do()
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(timeout=20)


def test_a_tick_leaves_a_job_that_is_run_by_hand_alone(
    job: Callable[[Callable[[], None]], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[datetime] = []
    job(lambda: calls.append(timezone.now()))
    create, seen = JobRun.objects.create, []

    def create_and_look(**values: object) -> JobRun:
        made = create(**values)
        if connection.vendor == "postgresql":  # SQLite lets nobody write meanwhile
            elsewhere(lambda: services.requeue_lost(timezone.now()))
        seen.append(connection.in_atomic_block)
        return made

    monkeypatch.setattr(JobRun.objects, "create", create_and_look)
    made = runner.run_now("t.by_hand")

    assert (made.state, len(calls), seen) == (JobRun.State.SUCCESS, 1, [True])
    assert not OrmQ.objects.exists()


def test_a_job_that_is_run_by_hand_keeps_its_lease_however_long_it_takes(
    job: Callable[[Callable[[], None]], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    leases: list[datetime | None] = []

    def work() -> None:
        until = time.monotonic() + 10
        while len(set(leases)) < 3 and time.monotonic() < until:
            leases.append(JobRun.objects.values_list("lease_expires_at", flat=True).get())
            time.sleep(0.01)

    job(work)
    monkeypatch.setattr(runner, "RENEW_S", 0.05)

    made = runner.run_now("t.by_hand")

    assert made.state == JobRun.State.SUCCESS
    assert len(set(leases)) == 3
    assert leases == sorted(filter(None, leases))
