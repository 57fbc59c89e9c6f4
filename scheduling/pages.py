"""What the pages and their live parts are given: one place for both."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from operations.reports import has_workers
from scheduling import reports
from scheduling.filters import ExecutionFilter, ScheduleFilter
from scheduling.models import Schedule, ScheduleQuerySet
from scheduling.reports import Row

if TYPE_CHECKING:
    from accounts.models import User

LIST = "scheduling/schedule_list.html"
ROW = "scheduling/_schedule_row.html"
DETAIL = "scheduling/schedule_detail.html"
HEAD = "scheduling/_schedule_head.html"
NEXT_FIRES = 3


def states_of(chosen: ScheduleFilter) -> list[tuple[str, str, SafeString]]:
    """Return the choices of the list's state.

    Their counts have ids of their own: answers replace them, and never a radio that may have been
    chosen meanwhile.
    """
    counts = chosen.named_counts
    return [
        (value, label, format_html('<span id="count-{}">{}</span>', label.lower(), f"{count:,}"))
        for value, label, count in (
            ("", "All", counts.all),
            ("active", "Active", counts.active),
            ("failing", "Failing", counts.failing),
            ("paused", "Paused", counts.paused),
        )
    ]


def list_context(chosen: ScheduleFilter, user: User) -> dict[str, Any]:
    return {
        "filter": chosen,
        "states": states_of(chosen),
        "rows": reports.rows_of(chosen.page.rows, user.zone),
        "zone": user.zone,
    }


def row_of(schedule: Schedule, user: User) -> Row:
    """`schedule` was read `with_outcome` and `with_recent_since`."""
    (row,) = reports.rows_of([schedule], user.zone)
    return row


def outlook_context(schedules: ScheduleQuerySet, user: User, now: datetime) -> dict[str, Any]:
    return {
        "coming": reports.coming(schedules, now),
        "figures": reports.figures_of(user, now),
    }


def head_context(schedule: Schedule, user: User) -> dict[str, Any]:
    """`schedule` was read `with_outcome`."""
    due_since = reports.due_since(schedule, timezone.now())
    return {
        "due_since": due_since,
        "has_workers": due_since is None or has_workers(),
        "schedule": schedule,
        "state": reports.state_of(schedule),
        "words": reports.words_of(schedule),
        "zone": user.zone,
    }


def strip_context(schedule: Schedule, user: User) -> dict[str, Any]:
    return {"schedule": schedule, "recent": reports.strip_of(schedule, user.zone)}


def totals_context(schedule: Schedule, user: User, now: datetime) -> dict[str, Any]:
    return {"schedule": schedule, "totals": reports.totals_of(schedule, user.zone, now)}


def executions_context(schedule: Schedule, chosen: ExecutionFilter, user: User) -> dict[str, Any]:
    return {
        "schedule": schedule,
        "filter": chosen,
        "sums": reports.sums_of(chosen.found_lately),
        "zone": user.zone,
    }


def detail_context(
    schedule: Schedule, chosen: ExecutionFilter, user: User, now: datetime
) -> dict[str, Any]:
    return {
        **head_context(schedule, user),
        **strip_context(schedule, user),
        **totals_context(schedule, user, now),
        **executions_context(schedule, chosen, user),
        "fires": reports.next_fires(schedule, now, NEXT_FIRES),
        "operation": reports.operation_of(schedule),
    }


def preview_context(
    user: User,
    given: Mapping[str, str] | None,
    operation: str,
    parameters: Mapping[str, Any] | None,
    now: datetime,
    *,
    is_webhook: bool = False,
) -> dict[str, Any]:
    """`given` is what the cadence's fields say, or None by hand and for a webhook.

    `parameters` is None where they do not fit the operation.
    """
    preview = None if given is None else reports.preview_of(given, reader=user, now=now)
    runs = preview.runs_a_month if preview and preview.is_valid else None
    return {
        "preview": preview,
        "is_webhook": is_webhook,
        "cost": reports.cost_of(user, operation, parameters, runs),
        "can_save": preview is None or preview.is_valid,
        "zone": user.zone,
    }
