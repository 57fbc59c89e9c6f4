"""The ledger for its owner: the list, one run, and cancelling it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from core.http import UserRequest, redirect_to, render_page, wanted_part
from operations import outcomes, registry, rollups, services, telling
from operations.filters import RunFilter
from operations.forms.runs import CancelForm
from operations.models import Run

WEEK = timedelta(days=7)


@require_GET
def list_runs(request: UserRequest) -> HttpResponse:
    found = RunFilter(request.GET, Run.objects.visible_to(request.user))
    context = {
        "found": found,
        "is_part": wanted_part(request) == "run-table",
        "week": rollups.totals(request.user.pk, since=timezone.now() - WEEK),
    }
    return render_page(request, "operations/run_list.html", context, partials={"run-table"})


@require_GET
def show_run(request: UserRequest, pk: UUID) -> HttpResponse:
    run = get_object_or_404(Run.objects.visible_to(request.user).select_related("owner"), pk=pk)
    if request.GET.get("as") == "json":
        attempts = list(run.attempts.order_by("number"))
        told = {**telling.run_as_json(run, attempts), "parameters": run.parameters}
        return JsonResponse(told, json_dumps_params={"indent": 2, "ensure_ascii": False})
    outcome = outcomes.context_of(run)
    context = {
        **outcome,
        **outcomes.context_of_why(run, outcome["attempts"]),
        "parameters": outcomes.parameters_of(run),
    }
    return render_page(request, "operations/run_detail.html", context, partials={"outcome"})


@require_http_methods(["GET", "POST"])
def cancel_run(request: UserRequest, pk: UUID) -> HttpResponse:
    run = get_object_or_404(Run.objects.visible_to(request.user), pk=pk)
    form = CancelForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"] or f"Cancelled by {request.user}."
        services.cancel_run(run, by=request.user, reason=reason)
        messages.success(request, f"Cancelled the run of “{registry.title_of(run.operation)}”.")
        return redirect_to(request, "show_run", pk=run.pk)
    context = {
        "run": run,
        "form": form,
        "title": registry.title_of(run.operation),
        "back": reverse("show_run", kwargs={"pk": run.pk}),
    }
    return render_page(
        request,
        "operations/run_cancel.html",
        context,
        partials={"dialog-body"},
        status=422 if form.errors else 200,
    )
