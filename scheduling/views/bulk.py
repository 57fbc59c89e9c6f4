"""Pause, resume or delete many schedules: asked first, with how many and what becomes of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from core.http import UserRequest, redirect_to, render_page
from scheduling import bulk
from scheduling.bulk import Action, Choice, Outcome
from scheduling.filters import ScheduleFilter
from scheduling.forms import BulkForm
from scheduling.models import Schedule, ScheduleQuerySet
from scheduling.services import NotPossible

FORM = "scheduling/schedule_bulk.html"


@require_http_methods(["GET", "POST"])
def change_schedules(request: UserRequest) -> HttpResponse:
    """Ask; then do it to exactly those that were asked about."""
    given = request.POST if request.method == "POST" else request.GET
    action = bulk.ACTIONS.get(given.get("do", ""))
    if action is None:
        raise Http404("There is no such action.")
    schedules = Schedule.objects.visible_to(request.user)
    back = ScheduleFilter(given, schedules)
    choice = bulk.choose(_chosen(given, schedules, back), action)
    if not choice.rows:
        raise NotPossible(_nothing(action, choice))
    is_posted = request.method == "POST"
    form = BulkForm(request.POST if is_posted else None, action=action, choice=choice)
    if is_posted and form.is_valid():
        reason = form.cleaned_data.get("reason", "")
        outcome = bulk.change_many(choice.rows, action, by=request.user, reason=reason)
        return _answer(request, action, outcome, _address(back))
    context = {"action": action, "choice": choice, "form": form, "back": back}
    return _page(request, context, HTTPStatus.UNPROCESSABLE_ENTITY if is_posted else HTTPStatus.OK)


def _chosen(
    given: QueryDict, schedules: ScheduleQuerySet, listed: ScheduleFilter
) -> ScheduleQuerySet:
    """Return what was ticked, or all that the list's filter leaves."""
    if given.get("all"):
        return listed.fitting
    ticked = [*given.getlist("pk"), *given.get("ids", "").split()][: bulk.MOST]
    return schedules.filter(pk__in=[pk for pk in map(_id, ticked) if pk])


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _nothing(action: Action, choice: Choice) -> str:
    if not choice.others:
        return f"Nothing to {action.name}: tick the schedules you mean."
    return f"Nothing to {action.name}: what you chose is {action.so}."


def _answer(request: UserRequest, action: Action, outcome: Outcome, address: str) -> HttpResponse:
    """Go back to the list; where not all went well, tell that of each by its name first."""
    if not outcome.is_whole:
        return _page(request, {"action": action, "outcome": outcome, "address": address})
    number = len(outcome.done)
    messages.success(request, f"{action.done} {number:,} schedule{'' if number == 1 else 's'}.")
    return redirect_to(request, address)


def _address(listed: ScheduleFilter) -> str:
    query = f"?{listed.address}" if listed.query else ""
    return f"{reverse('list_schedules')}{query}"


def _page(
    request: UserRequest, context: dict[str, Any], status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    return render_page(request, FORM, context, partials={"dialog-body"}, status=status)
