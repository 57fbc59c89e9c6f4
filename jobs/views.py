from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.http import UserRequest, redirect_to, render_page
from jobs import reports, services
from jobs.filters import JobFilter
from jobs.models import JobRun


def for_staff(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Hide the view from everybody else: to them, jobs are not there."""

    @wraps(view)
    def guarded(request: UserRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_staff:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@require_GET
@for_staff
def list_jobs(request: UserRequest) -> HttpResponse:
    jobs = JobRun.objects.visible_to(request.user)
    board = reports.board(jobs, now=timezone.now())
    listed = JobFilter(request.GET, jobs)
    context = {
        "board": board,
        "listed": listed,
        "states": listed.choices(queued=board.queued, running=board.running),
    }
    return render_page(request, "jobs/job_list.html", context, partials={"job-table"})


@require_GET
@for_staff
def show_job(request: UserRequest, pk: UUID) -> HttpResponse:
    job = get_object_or_404(JobRun.objects.visible_to(request.user), pk=pk)
    return render_page(request, "jobs/job_detail.html", {"job": job}, partials={"dialog-body"})


@require_POST
@for_staff
def start_job(request: UserRequest) -> HttpResponse:
    job = services.start_now(request.POST.get("name", ""), by=request.user)
    messages.success(request, f"Queued “{job.name}”.")
    return redirect_to(request, "list_jobs")
