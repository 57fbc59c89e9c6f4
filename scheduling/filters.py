"""What the addresses of the lists may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Min, Q
from django.utils import timezone

from core import live
from core.pagination import KeyPage, paginate
from core.periods import period_of
from operations.models import Run
from scheduling import reports
from scheduling.models import FAILING, Execution, ExecutionQuerySet, Schedule, ScheduleQuerySet

PAGE = 25  # schedules: each is a card with a picture
EXECUTIONS = 50
LONGEST_NAME = 120
SEARCHED = 10_000  # executions, the newest: what a page looks through and sums up
NUL = "\x00"  # PostgreSQL has no such text


@dataclass(frozen=True, slots=True)
class Counts:
    """How many schedules there are in each state, and when the next of them fires."""

    all: int
    active: int
    failing: int
    paused: int
    next_at: datetime | None = None

    @property
    def due_since(self) -> datetime | None:
        """Return the next fire where it has passed and nobody took it up."""
        return self.next_at if reports.is_overdue(self.next_at, timezone.now()) else None


class ScheduleFilter:
    """The list's filters: a state and a part of the name."""

    STATES = ("", "active", "failing", "paused")

    def __init__(self, query: Mapping[str, Any], schedules: ScheduleQuerySet) -> None:
        asked = str(query.get("state", ""))
        self.state = asked if asked in self.STATES else ""
        self.name = str(query.get("q", "")).replace(NUL, "").strip()[:LONGEST_NAME]
        self.cursor = str(query.get("cursor", ""))
        self._all = schedules.current()

    @property
    def query(self) -> dict[str, str]:
        """Return what an address needs to ask for the same, without the place in the list."""
        return {key: value for key, value in (("state", self.state), ("q", self.name)) if value}

    @property
    def address(self) -> str:
        """Return `query` as it stands in an address."""
        return urlencode(self.query)

    @property
    def live_name(self) -> str:
        """Return the live part that shows the same, or "" for a later page and a very long name."""
        name = f"schedules?{self.address}" if self.query else "schedules"
        return "" if self.cursor or len(name) > live.LONGEST_PART else name

    @property
    def is_empty(self) -> bool:
        return not self.query

    @property
    def fitting(self) -> ScheduleQuerySet:
        """Return all that fit."""
        rows = self._all.filter(name__icontains=self.name) if self.name else self._all
        if self.state == "failing":
            return rows.failing()
        return rows.filter(enabled=self.state == "active") if self.state else rows

    @cached_property
    def rows(self) -> ScheduleQuerySet:
        return self.fitting.with_outcome().with_recent_since()

    @property
    def number(self) -> int:
        """Return how many fit."""
        count: int = getattr(self.named_counts, self.state or "all")
        return count

    @cached_property
    def page(self) -> KeyPage[Schedule]:
        return paginate(self.rows, cursor=self.cursor, size=PAGE)

    @cached_property
    def _counted(self) -> tuple[Counts, Counts]:
        """Return the counts of all schedules and of those of the name, by one query."""
        named = Q(name__icontains=self.name) if self.name else Q()
        values = self._all.with_outcome().aggregate(
            **_counts("", Q()),
            **_counts("named_", named),
            next_at=Min("next_execution_at", filter=Q(is_switched_off=False)),
        )
        next_at = values.pop("next_at")
        whole = {key: value for key, value in values.items() if not key.startswith("named_")}
        part = {key.removeprefix("named_"): values[key] for key in values if key not in whole}
        return Counts(**whole, next_at=next_at), Counts(**part)

    @property
    def counts(self) -> Counts:
        return self._counted[0]

    @property
    def named_counts(self) -> Counts:
        """Return the counts of those that have the name: what each state would show."""
        return self._counted[1]


def _counts(prefix: str, among: Q) -> dict[str, Count]:
    return {
        f"{prefix}all": Count("pk", filter=among),
        f"{prefix}active": Count("pk", filter=among & Q(enabled=True)),
        f"{prefix}failing": Count("pk", filter=among & FAILING),
        f"{prefix}paused": Count("pk", filter=among & Q(enabled=False)),
    }


class ExecutionFilter:
    """The filters of a schedule's history: how it ended, what triggered it, and when it was due."""

    STATUSES = {
        "success": Q(run__status=Run.Status.SUCCESS),
        "failed": Q(run__status=Run.Status.FAILED),
        "skipped": Q(run=None) | Q(run__status=Run.Status.SKIPPED),
        "cancelled": Q(run__status=Run.Status.CANCELLED),
        "open": Q(run__status__in=[Run.Status.RUNNING, Run.Status.PENDING, Run.Status.WAITING]),
    }
    STATUS_CHOICES = [
        ("", "All", None),
        ("success", "Succeeded", None),
        ("failed", "Failed", None),
        ("skipped", "Skipped", None),
        ("cancelled", "Cancelled", None),
        ("open", "Running", None),
    ]
    TRIGGER_CHOICES = [
        ("", "Any trigger"),
        (Execution.Trigger.CRON.value, "Cron"),
        (Execution.Trigger.WEBHOOK.value, "Webhook"),
        (Execution.Trigger.MANUAL.value, "By hand"),
    ]

    def __init__(self, query: Mapping[str, Any], executions: ExecutionQuerySet) -> None:
        status, trigger = str(query.get("status", "")), str(query.get("trigger", ""))
        self.status = status if status in self.STATUSES else ""
        self.trigger = trigger if trigger in Execution.Trigger.values else ""
        self.period = period_of(query)
        self.cursor = str(query.get("cursor", ""))
        if begins_at := self.period.begins_at:
            executions = executions.filter(expected_at__gte=begins_at)
        if ends_before := self.period.ends_before:
            executions = executions.filter(expected_at__lt=ends_before)
        self._of_period = executions

    @property
    def problems(self) -> Mapping[str, str]:
        return self.period.problems

    @property
    def query(self) -> dict[str, str]:
        pairs = (("status", self.status), ("trigger", self.trigger))
        return {key: value for key, value in pairs if value} | self.period.query

    @property
    def address(self) -> str:
        """Return `query` as it stands in an address."""
        return urlencode(self.query)

    @property
    def is_empty(self) -> bool:
        return not self.query

    @cached_property
    def searched_since(self) -> datetime | None:
        """Return from when on a page looks and sums up; None where that is the whole period."""
        newest = self._of_period.order_by("-expected_at").values_list("expected_at", flat=True)
        last, *beyond = [*newest[SEARCHED - 1 : SEARCHED + 1], None]
        return last if any(beyond) else None

    @property
    def found(self) -> ExecutionQuerySet:
        """Return all that fit, however many there are to be looked through."""
        rows = self._of_period
        if self.status:
            rows = rows.filter(self.STATUSES[self.status])
        if self.trigger:
            rows = rows.filter(triggered_by=self.trigger)
        return rows

    @property
    def found_lately(self) -> ExecutionQuerySet:
        """Return those that fit among the newest of the period."""
        since = self.searched_since
        return self.found.filter(expected_at__gte=since) if since else self.found

    @cached_property
    def page(self) -> KeyPage[Execution]:
        rows = self.found_lately if self.status or self.trigger else self.found
        # Results and parameters may be long, and the table shows neither.
        rows = rows.select_related("run").defer("run__result", "run__parameters")
        return paginate(rows, cursor=self.cursor, by="-expected_at", size=EXECUTIONS)
