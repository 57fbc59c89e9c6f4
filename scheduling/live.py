"""The watcher that live parts about schedules share."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from uuid import UUID

from django.db.models import Count, Max, Sum

from core import live
from scheduling.models import Schedule


@live.watcher("schedules")
def watch_schedules(owner_ids: Collection[UUID]) -> Mapping[UUID, Hashable]:
    """Tell fires, also those that were skipped; “ledger” tells the runs and what people change."""
    rows = (
        Schedule.objects.current()
        .filter(owner__in=owner_ids)
        .order_by()
        .values_list("owner_id")
        .annotate(
            Count("id"),
            Sum("execution_count"),
            Max("last_execution_at"),
            Max("next_execution_at"),
            Count("running_execution"),
            Max("running_since"),
        )
    )
    return {owner_id: tuple(marks) for owner_id, *marks in rows}
