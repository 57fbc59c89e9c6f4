"""What a row's buttons do: on and off, run now, delete."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods, require_POST

from core import moments
from core.errors import DomainError
from core.http import UserRequest, is_fragment, redirect_to, render_page
from core.middleware import page_before
from operations.models import Run
from scheduling import pages, services
from scheduling.filters import ScheduleFilter
from scheduling.forms import DeleteForm
from scheduling.models import Execution, Schedule
from scheduling.services import NotPossible

FORM = "scheduling/schedule_delete.html"
ANSWER = "scheduling/_row_answer.html"


@require_POST
def toggle_schedule(request: UserRequest, pk: UUID) -> HttpResponse:
    """Set a schedule on or off, as the switch says; sent twice it changes nothing more."""
    schedule = _find(request, pk)
    try:
        said = _toggle(request, schedule)
    except (DomainError, ValidationError) as refusal:
        text = " ".join(refusal.messages) if isinstance(refusal, ValidationError) else str(refusal)
        if not is_fragment(request):
            raise NotPossible(text) from refusal
        # With the row, or the switch would go on showing what was refused.
        return _answer(request, schedule, text, "danger", status=HTTPStatus.CONFLICT)
    return _answer(request, schedule, said)


def _toggle(request: UserRequest, schedule: Schedule) -> str:
    by, reason = request.user, request.POST.get("reason", "").strip()
    if "enabled" in request.POST:
        if not schedule.enabled:
            services.resume_schedule(schedule, by=by)
        return f"“{schedule}” is on."
    if schedule.enabled:
        reason = reason or f"Paused by {by.get_username()}."
        services.pause_schedule(schedule, by=by, reason=reason)
    elif reason and reason != schedule.pause_reason:
        services.change_pause_reason(schedule, by=by, reason=reason)
        return f"Changed why “{schedule}” is paused."
    return f"“{schedule}” is paused."


@require_POST
def run_schedule(request: UserRequest, pk: UUID) -> HttpResponse:
    """Start a run by hand; where one is under way already, say that there is no second."""
    schedule = _find(request, pk)
    execution = services.run_now(schedule, by=request.user)
    if execution.status == Execution.SKIPPED:
        return _answer(request, schedule, _not_started(request, schedule), "warning")
    url = reverse("show_run", args=[execution.run_id])
    told = format_html("Started “{}”. <a href='{}'>Open the run</a>", schedule, url)
    return _answer(request, schedule, told)


def _not_started(request: UserRequest, schedule: Schedule) -> str | SafeString:
    """Say which run is under way; it may have ended since."""
    theirs = Execution.objects.visible_to(request.user)
    busy = theirs.filter(schedule=schedule, run__status__in=Run.OPEN).first()
    if busy is None:
        return f"Started no second run of “{schedule}”: the one before had not ended."
    return format_html(
        "Started no second run of “{}”: <a href='{}'>the run of {}</a> has not ended yet.",
        schedule,
        reverse("show_run", args=[busy.run_id]),
        moments.clock(busy.expected_at, timezone.now(), ZoneInfo(request.user.zone)),
    )


@require_http_methods(["GET", "POST"])
def delete_schedule(request: UserRequest, pk: UUID) -> HttpResponse:
    """Ask, then delete; a schedule with history is archived, once its name was typed."""
    schedule = _find(request, pk)
    count = schedule.executions.count()
    asks_name = request.method == "POST" and count > 0
    form = DeleteForm(request.POST if asks_name else None, schedule=schedule)
    if request.method == "POST" and (count == 0 or form.is_valid()):
        services.delete_schedule(schedule, by=request.user, confirmed=count > 0)
        messages.success(request, f"Deleted “{schedule}”.")
        return redirect_to(request, "list_schedules")
    context = {"schedule": schedule, "form": form, "count": count}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render_page(request, FORM, context, partials={"dialog-body"}, status=status)


def _find(request: UserRequest, pk: UUID) -> Schedule:
    return get_object_or_404(Schedule.objects.visible_to(request.user), pk=pk)


def _answer(
    request: UserRequest,
    schedule: Schedule,
    text: str | SafeString,
    tone: str = "success",
    *,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    """Answer with the row as it is now, a toast and the counts; else go back to the page before."""
    if not is_fragment(request):
        messages.add_message(request, LEVELS[tone], text)
        back = page_before(request) or reverse("show_schedule", args=[schedule.pk])
        return redirect_to(request, back)
    return row_answer(request, schedule, {"text": text, "tone": tone}, status=status)


LEVELS = {"success": messages.SUCCESS, "warning": messages.WARNING, "danger": messages.ERROR}


def row_answer(
    request: UserRequest,
    schedule: Schedule,
    toast: dict[str, Any],
    *,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    schedules = Schedule.objects.visible_to(request.user)
    row = schedules.with_outcome().with_recent_since().get(pk=schedule.pk)
    context = {
        "filter": ScheduleFilter(request.POST, schedules),
        "row": pages.row_of(row, request.user),
        "zone": request.user.zone,
        "toast": toast,
        "is_aside": True,
    }
    return render(request, ANSWER, context, status=status)
