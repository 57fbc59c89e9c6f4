"""What the command palette finds here: pages, operations to try, runs by their id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.urls import reverse

from core import palette
from core.ids import ids_beginning_with
from core.palette import Option
from operations import registry
from operations.models import Run

if TYPE_CHECKING:
    from accounts.models import User


@palette.source("Pages", order=13)
def find_pages(user: User, text: str) -> list[Option]:
    pages = [
        Option("Runs", reverse("list_runs"), "list", "What ran, and what it cost"),
        Option("Operations", reverse("list_operations"), "sparkles", "Try one"),
    ]
    if text:
        failed = f"{reverse('list_runs')}?status={Run.Status.FAILED}"
        pages.append(Option("Failed runs", failed, "list"))
    return palette.answering(text, pages)


@palette.source("Pages", order=17)
def find_settings(user: User, text: str) -> list[Option]:
    pages = [
        Option("Settings: operations", reverse("edit_operations"), "settings-2"),
        Option("Settings: budgets", reverse("edit_budgets"), "settings-2"),
    ]
    return palette.answering(text, pages)


@palette.source("Try an operation", order=40)
def find_operations(user: User, text: str) -> list[Option]:
    if not text:
        return []
    return palette.answering(
        text,
        [
            Option(each.title, reverse("try_operation", args=[each.slug]), "sparkles", each.slug)
            for each in registry.all_operations()
        ],
    )


@palette.source("Runs", order=60)
def find_runs(user: User, text: str) -> Iterator[Option]:
    """Find runs by their whole id or the first characters of it."""
    ids = ids_beginning_with(text)
    if ids is None:
        return
    runs = Run.objects.visible_to(user).filter(id__gte=ids[0], id__lte=ids[1]).order_by("-id")
    titles = {each.slug: each.title for each in registry.all_operations()}
    for run in runs.only("id", "operation", "status")[: palette.MOST]:
        label = titles.get(run.operation, run.operation)
        yield Option(label, reverse("show_run", args=[run.pk]), "list", f"{run.status} {run.pk}")
