"""Tells which schedule started a run: what `operations` cannot know, standing below us."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.urls import reverse

from operations.origins import Origin
from scheduling.models import Execution

BY_HAND = Execution.Trigger.MANUAL  # the moment of a click was expected of nobody


def of_runs(run_ids: Sequence[UUID]) -> Mapping[UUID, Origin]:
    """Return the schedule of each run that one started, with the fire that was expected, if any."""
    rows = Execution.objects.filter(run__in=run_ids).values_list(
        "run_id", "schedule_id", "schedule__name", "expected_at", "triggered_by"
    )
    return {
        run_id: Origin(
            name,
            reverse("show_schedule", kwargs={"pk": schedule_id}),
            at if by != BY_HAND else None,
        )
        for run_id, schedule_id, name, at, by in rows
    }
