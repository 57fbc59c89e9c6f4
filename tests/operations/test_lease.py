from __future__ import annotations

from types import SimpleNamespace

import pytest

from operations.engine import lease as leases
from operations.engine.lease import Lease
from operations.models import EngineWorker

pytestmark = pytest.mark.django_db


class Clock:
    """Moves on only when told; `jumps` are taken one a look, as when a statement takes long."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.jumps: list[float] = []

    def monotonic(self) -> float:
        now = self.now
        if self.jumps:
            self.now += self.jumps.pop(0)
        return now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(leases, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


@pytest.fixture
def lease(clock: Clock) -> Lease:
    """Return a lease that has been healthy for long enough to judge others."""
    lease = Lease(slots=1)
    for _ in range(5):
        lease.beat(0)
        clock.now += leases.BEAT_S
    assert lease.may_reap
    return lease


def test_a_worker_that_beats_in_time_may_reap(lease: Lease) -> None:
    lease.beat(0)

    assert lease.may_reap


def test_a_beat_that_came_late_is_no_health(lease: Lease, clock: Clock) -> None:
    clock.now += 20

    lease.beat(0)

    assert not lease.may_reap


def test_a_beat_that_hung_is_no_health(lease: Lease, clock: Clock) -> None:
    # The database stood still: everyone else looks silent, and is not.
    clock.jumps = [20.0]

    lease.beat(0)

    assert not lease.may_reap


def test_a_worker_whose_row_was_taken_is_someone_new(lease: Lease) -> None:
    before = lease.worker_id
    EngineWorker.objects.all().delete()

    lease.beat(0)

    assert lease.worker_id != before
    assert not lease.may_reap
