"""A schedule's history as a file."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET

from core import exporting
from core.http import UserRequest
from scheduling import exports
from scheduling.filters import ExecutionFilter
from scheduling.models import Schedule
from scheduling.services import NotPossible


@require_GET
def export_executions(request: UserRequest, pk: UUID) -> StreamingHttpResponse:
    """Send all executions that the page's filters leave, however far back they reach."""
    schedule = get_object_or_404(Schedule.objects.visible_to(request.user), pk=pk)
    kind = request.GET.get("format", "csv")
    if kind not in exporting.WRITERS:
        raise Http404(kind)
    chosen = ExecutionFilter(request.GET, schedule.executions.all())
    for name in ("status", "trigger"):
        if request.GET.get(name, "") != getattr(chosen, name):
            raise NotPossible(f"There is no {name} “{request.GET[name][:20]}”.")
    if chosen.problems:  # a file of more than was meant would look like what was meant
        raise NotPossible(" ".join(chosen.problems.values()))
    today = f"{timezone.localdate():%Y-%m-%d}"
    return exporting.download(
        request,
        kind,
        name=exporting.file_name(schedule.name, "executions", today),
        columns=exports.COLUMNS,
        pages=exports.pages_of(chosen.found),
    )
