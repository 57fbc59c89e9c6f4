"""Live parts: the overview of each person, and the condition that everybody sees."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils import timezone

from analytics import condition, reports
from core import live

if TYPE_CHECKING:
    from accounts.models import User


@live.watcher_for_all("condition")
def watch_condition() -> Hashable:
    return condition.current()


@live.region("health", watch="condition")
def render_health(user: User, query: QueryDict) -> str:
    return render_to_string("components/health.html#health", {"health": condition.current()})


@live.region("overview", watch=("ledger", "schedules", "condition", "minute"))
def render_overview(user: User, query: QueryDict) -> str:
    context = {"overview": reports.overview(user, timezone.now())}
    return render_to_string("analytics/overview.html#overview", context)
