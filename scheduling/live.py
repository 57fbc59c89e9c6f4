"""Live parts about schedules, and the watcher that they share."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Count, Max, OuterRef, Subquery, Sum
from django.http import Http404, QueryDict
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.utils import timezone

from core import live
from scheduling import pages, webhook_pages
from scheduling.filters import ExecutionFilter, ScheduleFilter
from scheduling.models import Schedule, WebhookEvent
from scheduling.webhook_pages import EventFilter

if TYPE_CHECKING:
    from accounts.models import User

EITHER = ("ledger", "schedules")  # runs and what people do, and fires that started nothing


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


@live.watcher("webhooks")
def watch_webhooks(owner_ids: Collection[UUID]) -> Mapping[UUID, Hashable]:
    """Tell what came in at webhooks: the newest event of each, by one look into the index."""
    newest = WebhookEvent.objects.filter(schedule=OuterRef("pk")).order_by("-id").values("pk")
    rows = (
        Schedule.objects.current()
        .filter(owner__in=owner_ids, type=Schedule.Type.WEBHOOK)
        .order_by("pk")
        .values_list("owner_id", Subquery(newest[:1]))
    )
    marks: dict[UUID, list[UUID | None]] = {}
    for owner_id, event_id in rows:
        marks.setdefault(owner_id, []).append(event_id)
    return {owner_id: tuple(found) for owner_id, found in marks.items()}


@live.region("schedules", watch=(*EITHER, "minute"))
def render_schedules(user: User, query: QueryDict) -> str:
    chosen = ScheduleFilter(query, Schedule.objects.visible_to(user))
    return render_to_string(f"{pages.LIST}#schedule-list", pages.list_context(chosen, user))


@live.region("schedule-facts", watch=(*EITHER, "minute"))
def render_facts(user: User, query: QueryDict) -> str:
    chosen = ScheduleFilter(query, Schedule.objects.visible_to(user))
    context = {"filter": chosen, "zone": user.zone}
    return render_to_string(f"{pages.LIST}#schedule-facts", context)


@live.region("schedule-outlook", watch=(*EITHER, "minute"))
def render_outlook(user: User, query: QueryDict) -> str:
    schedules = Schedule.objects.visible_to(user)
    context = pages.outlook_context(schedules, user, timezone.now())
    return render_to_string(f"{pages.LIST}#schedule-outlook", context)


@live.region("schedule-head", watch=(*EITHER, "minute"))
def render_head(user: User, query: QueryDict) -> str:
    context = pages.head_context(_schedule(user, query), user)
    return render_to_string(f"{pages.HEAD}#schedule-head", context)


@live.region("schedule-strip", watch=EITHER)
def render_strip(user: User, query: QueryDict) -> str:
    context = pages.strip_context(_schedule(user, query), user)
    return render_to_string(f"{pages.DETAIL}#schedule-strip", context)


@live.region("schedule-totals", watch=EITHER)
def render_totals(user: User, query: QueryDict) -> str:
    context = pages.totals_context(_schedule(user, query), user, timezone.now())
    return render_to_string(f"{pages.DETAIL}#schedule-totals", context)


@live.region("executions", watch=EITHER)
def render_executions(user: User, query: QueryDict) -> str:
    schedule = _schedule(user, query)
    chosen = ExecutionFilter(query, schedule.executions.all())
    context = pages.executions_context(schedule, chosen, user)
    return render_to_string(f"{pages.DETAIL}#execution-list", context)


@live.region("webhook-events", watch="webhooks")
def render_webhook_events(user: User, query: QueryDict) -> str:
    schedule = _schedule(user, query)
    chosen = EventFilter(query, schedule.webhook_events.all())
    context = webhook_pages.log_context(schedule, chosen, user)
    return render_to_string(f"{webhook_pages.PAGE}#event-log", context)


def _schedule(user: User, query: QueryDict) -> Schedule:
    try:
        pk = UUID(query.get("id", ""))
    except ValueError:
        raise Http404 from None
    schedules = Schedule.objects.visible_to(user).with_outcome()
    return get_object_or_404(schedules, pk=pk)
