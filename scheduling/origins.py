"""Tells which schedule started a run: what `operations` cannot know, standing below us."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.urls import reverse

from operations.origins import Origin
from scheduling.models import Execution


def of_runs(run_ids: Sequence[UUID]) -> Mapping[UUID, Origin]:
    """Return the schedule of each run that one started, with the fire that was expected."""
    rows = Execution.objects.filter(run__in=run_ids).values_list(
        "run_id", "schedule_id", "schedule__name", "expected_at"
    )
    return {
        run_id: Origin(name, reverse("show_schedule", kwargs={"pk": schedule_id}), expected_at)
        for run_id, schedule_id, name, expected_at in rows
    }
