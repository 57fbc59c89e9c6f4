"""What the command palette finds here: the page, a new schedule, schedules by their name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.urls import reverse

from core import palette
from core.palette import Option
from operations import registry
from scheduling.models import Schedule

if TYPE_CHECKING:
    from accounts.models import User


@palette.source("Pages", order=12)
def find_pages(user: User, text: str) -> list[Option]:
    page = Option("Schedules", reverse("list_schedules"), "calendar-clock", "What runs when")
    return palette.answering(text, [page])


@palette.source("Actions", order=20)
def find_actions(user: User, text: str) -> list[Option]:
    return palette.answering(text, [Option("New schedule", reverse("create_schedule"), "plus")])


@palette.source("Schedules", order=50)
def find_schedules(user: User, text: str) -> Iterator[Option]:
    words = text.split()
    if not words:
        return
    schedules = Schedule.objects.visible_to(user).current()
    for word in words:
        schedules = schedules.filter(name__icontains=word)
    found = schedules.order_by("-id").only("id", "name", "operation", "enabled")
    for each in found[: palette.MOST]:
        title = registry.title_of(each.operation)
        note = title if each.enabled else f"{title}, paused"
        yield Option(each.name, reverse("show_schedule", args=[each.pk]), "calendar-clock", note)
