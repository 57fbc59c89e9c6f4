"""What of the jobs page keeps itself current, for staff."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from django.db.models import Count, Sum
from django.http import Http404, QueryDict
from django.template.loader import render_to_string
from django.utils import timezone

from core import live
from jobs import reports
from jobs.filters import JobFilter
from jobs.models import JobRun

if TYPE_CHECKING:
    from accounts.models import User

WATCHED = 50  # a page of the list


@live.watcher_for_all("jobs")
def watch_jobs() -> Hashable:
    """Change with the newest jobs, and with how many are about and how far they are."""
    newest = JobRun.objects.order_by("-id").values_list("id", "state", "progress", "attempts")
    about = JobRun.objects.active().aggregate(Count("id"), Sum("progress"), Sum("attempts"))
    return (*newest[:WATCHED], *about.values())


@live.region("jobs", watch=("jobs", "minute"))
def render_board(user: User, query: QueryDict) -> str:
    if not user.is_staff:
        raise Http404
    board = reports.board(JobRun.objects.visible_to(user), now=timezone.now())
    return render_to_string("jobs/job_list.html#job-board", {"board": board})


@live.region("job-runs", watch=("jobs", "minute"))
def render_table(user: User, query: QueryDict) -> str:
    if not user.is_staff:
        raise Http404
    listed = JobFilter(query, JobRun.objects.visible_to(user))
    return render_to_string("jobs/job_list.html#job-table", {"listed": listed})
