"""The one row of django-q2's own scheduler that we use.

Its scheduler ticks every 30 s in one zone and stops at the first broken row, so it gets a single
row that cannot break; everything else is driven by that tick from our own registry.
"""

from __future__ import annotations

from typing import Any

from django_q.models import Schedule

from jobs.queue import RUN_TICK
from jobs.services import TICK


def ensure_tick(**_: Any) -> None:
    """Make the row, or set it right. Runs after every migrate and at each worker's start."""
    Schedule.objects.exclude(name=TICK).delete()
    fixed = {
        "func": RUN_TICK,
        "schedule_type": Schedule.MINUTES,
        "minutes": 1,
        "repeats": -1,
        "hook": None,
        "args": None,
        "kwargs": None,
        "cron": None,
        "cluster": None,
    }
    rows = Schedule.objects.filter(name=TICK).order_by("pk")
    first = rows.first()
    if first is None:
        Schedule.objects.create(name=TICK, **fixed)
        return
    rows.exclude(pk=first.pk).delete()
    rows.filter(pk=first.pk).update(**fixed)
    rows.filter(pk=first.pk, next_run=None).update(next_run=Schedule().next_run)
