"""The list of schedules and the page of one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET

from core.http import UserRequest, render_page, wanted_part
from scheduling import pages
from scheduling.filters import ExecutionFilter, ScheduleFilter
from scheduling.models import Schedule

LIST = "scheduling/schedule_list.html"
DETAIL = "scheduling/schedule_detail.html"


@require_GET
def list_schedules(request: UserRequest) -> HttpResponse:
    schedules = Schedule.objects.visible_to(request.user)
    chosen = ScheduleFilter(request.GET, schedules)
    context: dict[str, Any] = pages.list_context(chosen, request.user)
    if wanted_part(request) == "schedule-list":
        context |= {"is_part": True, "is_aside": True}
    else:
        context |= pages.outlook_context(schedules, request.user, timezone.now())
    return render_page(request, LIST, context, partials={"schedule-list"})


@require_GET
def show_schedule(request: UserRequest, pk: UUID) -> HttpResponse:
    schedule = get_object_or_404(
        Schedule.objects.visible_to(request.user).with_outcome().with_recent_since(), pk=pk
    )
    chosen = ExecutionFilter(request.GET, schedule.executions.all())
    context = pages.detail_context(schedule, chosen, request.user, timezone.now())
    return render_page(request, DETAIL, context, partials={"execution-list"})
