"""What the command palette finds here, for staff: the page of jobs, jobs by name or id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.urls import reverse

from core import palette
from core.ids import ids_beginning_with
from core.palette import Option
from jobs import registry
from jobs.models import JobRun

if TYPE_CHECKING:
    from accounts.models import User


@palette.source("Pages", order=14)
def find_pages(user: User, text: str) -> list[Option]:
    if not user.is_staff:
        return []
    return palette.answering(text, [Option("Background jobs", reverse("list_jobs"), "cpu")])


@palette.source("Background jobs", order=70)
def find_jobs(user: User, text: str) -> Iterator[Option]:
    if not user.is_staff or not text:
        return
    page = reverse("list_jobs")
    names = [Option(task.name, f"{page}?name={task.name}", "cpu") for task in registry.all_tasks()]
    yield from palette.answering(text, names)[: palette.MOST]
    ids = ids_beginning_with(text)
    if ids is None:
        return
    jobs = JobRun.objects.visible_to(user).filter(id__gte=ids[0], id__lte=ids[1])
    for job in jobs.order_by("-id").only("id", "name", "state")[: palette.MOST]:
        yield Option(job.name, reverse("show_job", args=[job.pk]), "cpu", f"{job.state} {job.pk}")
