"""What the overview tells: reads that end in frozen rows, each a bounded piece of work.

Sums come from the hourly rollup, money from the budgets' periods; nothing here scans the ledger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce, Left

from accounts.models import User
from analytics import checklist, condition, findings, needs
from analytics.checklist import Beginning, Checklist
from analytics.needs import Need
from core.money import UsdField
from core.units import count
from operations import gate, origins, services
from operations.filters import LONG, TOLD, Row
from operations.models import Budget, BudgetPeriod, Run, Usage
from preferences.models import OperationPreference, ThemePreference
from providers import catalogue
from scheduling import reports as schedules
from scheduling.models import FAILING, PAUSED_BY_SYSTEM, REFUSED, SWITCHED_OFF, Schedule
from scheduling.reports import Coming

DAYS = 14  # shown as lines: today and the 13 days before
WEEK_DAYS = 7
NEAR = Decimal("0.8")  # of a limit: from here on a person is told
LATEST = 10


# --- what has run ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Day:
    """What settled on one day of the reader's calendar."""

    day: date
    runs: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def cancelled(self) -> int:
        return self.runs - self.succeeded - self.failed - self.skipped

    @property
    def untried(self) -> str:
        """Return what of the runs neither succeeded nor failed, in words that go on after them."""
        rest = (("skipped", self.skipped), ("cancelled", self.cancelled))
        return "".join(f", {count(number)} {word}" for word, number in rest if number)

    @property
    def tried(self) -> int:
        return self.succeeded + self.failed

    @property
    def success(self) -> float | None:
        return self.succeeded / self.tried if self.tried else None


@dataclass(frozen=True, slots=True)
class Activity:
    """The last days, oldest first and today last."""

    days: tuple[Day, ...]

    @property
    def today(self) -> Day:
        return self.days[-1]

    @property
    def week(self) -> Day:
        """Return the sums of the last seven days, dated by the first of them."""
        week = self.days[-WEEK_DAYS:]
        return Day(
            week[0].day,
            *(sum(getattr(day, name) for day in week) for name in _COUNTS),
        )

    @property
    def has_runs(self) -> bool:
        return any(self.runs_by_day)

    @property
    def runs_by_day(self) -> list[int]:
        return [day.runs for day in self.days]

    @property
    def success_by_day(self) -> list[float]:
        """Return the days' success, without the days of which nothing can be said."""
        return [day.success for day in self.days if day.success is not None]


_COUNTS = ("runs", "succeeded", "failed", "skipped")


def activity(user: User, now: datetime) -> Activity:
    """Return the last days of `user`'s calendar, from the hours of the rollup: one query.

    Exact in zones of whole hours; elsewhere the hour that a midnight cuts counts to the day it
    begins in.
    """
    zone = ZoneInfo(user.zone)
    today = now.astimezone(zone).date()
    first = today - timedelta(days=DAYS - 1)
    start = datetime(first.year, first.month, first.day, tzinfo=zone)
    hours = Usage.objects.visible_to(user).filter(hour__gte=start).order_by()
    sums: dict[date, list[int]] = defaultdict(lambda: [0] * len(_COUNTS))
    for hour, *counts in hours.values_list("hour").annotate(*map(Sum, _COUNTS)):
        into = sums[hour.astimezone(zone).date()]
        for place, number in enumerate(counts):
            into[place] += number
    days = (first + timedelta(days=n) for n in range(DAYS))
    return Activity(tuple(Day(day, *sums[day]) for day in days))


# --- money ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Month:
    """A budget in its present month; `operation` is empty for the budget of everything."""

    operation: str
    limit_usd: Decimal | None
    spent_usd: Decimal
    held_usd: Decimal
    resets_at: datetime

    @property
    def share(self) -> Decimal | None:
        """Return how much of the limit is taken, or None where there is nothing to take."""
        return (self.spent_usd + self.held_usd) / self.limit_usd if self.limit_usd else None

    @property
    def is_near(self) -> bool:
        return self.share is not None and self.share >= NEAR


def months(user: User, now: datetime) -> list[Month]:
    """Return `user`'s budgets in their present month, that of everything first: one query."""
    month = gate.month_of(now, user.zone)
    present = BudgetPeriod.objects.filter(budget=OuterRef("pk"), period__gte=month).order_by(
        "-period"
    )
    chosen = OperationPreference.objects.filter(
        owner=OuterRef("owner"), operation=OuterRef("operation")
    )
    rows = (
        Budget.objects.visible_to(user)
        .annotate(
            limit=Coalesce(
                "limit_usd", Subquery(chosen.values("monthly_budget_usd")), output_field=UsdField()
            ),
            period=Subquery(present.values("period")[:1]),
            spent=Subquery(present.values("spent_usd")[:1]),
            held=Subquery(present.values("held_usd")[:1]),
        )
        .order_by("operation")
        .values_list("operation", "limit", "period", "spent", "held")
    )
    found = [
        Month(
            operation,
            limit,
            spent or Decimal(0),
            held or Decimal(0),
            services.end_of_month(period or month, user.zone),
        )
        for operation, limit, period, spent, held in rows
    ]
    if found and not found[0].operation:
        return found
    nothing = Decimal(0)
    return [Month("", None, nothing, nothing, services.end_of_month(month, user.zone)), *found]


# --- how far a person has come, and what comes next -----------------------------------------------


@dataclass(frozen=True, slots=True)
class Next:
    """The next fire of all schedules; overdue where no worker is there to fire it."""

    at: datetime
    schedule_id: UUID
    name: str
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """The next fire, and the first steps while there are any left to show."""

    next: Next | None
    steps: Checklist | None


def outlook(user: User, now: datetime) -> Outlook:
    """Read what comes next and how far `user` has come: one query, of looks into indexes."""
    used = Usage.objects.filter(owner=OuterRef("pk"), runs__gt=0)
    planned = (
        Schedule.objects.expecting_runs()
        .filter(owner=OuterRef("pk"))
        .order_by("next_execution_at", "pk")
    )
    limits = Budget.objects.filter(owner=OuterRef("pk"), limit_usd__isnull=False)
    chosen = OperationPreference.objects.filter(
        owner=OuterRef("pk"), monthly_budget_usd__isnull=False
    )
    hidden = ThemePreference.objects.filter(owner=OuterRef("pk"), is_checklist_hidden=True)
    found: Mapping[str, Any] = (
        User.objects.filter(pk=user.pk)
        .values(
            next_at=Subquery(planned.values("next_execution_at")[:1]),
            next_id=Subquery(planned.values("pk")[:1]),
            next_name=Subquery(planned.values("name")[:1]),
            has_tried=Exists(used.filter(origin=Run.Origin.MANUAL)),
            has_schedule=Exists(
                Schedule.objects.filter(owner=OuterRef("pk"), type=Schedule.Type.CRON)
            ),
            has_fired=Exists(used.filter(origin=Run.Origin.CRON)),
            has_budget=Exists(limits) | Exists(chosen),
            is_hidden=Exists(hidden),
        )
        .get()
    )
    at = found["next_at"]
    coming = at and Next(at, found["next_id"], found["next_name"], schedules.is_overdue(at, now))
    return Outlook(coming or None, _steps(found))


_ENV = "env:"  # how a reference to a variable begins


def _steps(found: Mapping[str, Any]) -> Checklist | None:
    if found["is_hidden"]:
        return None
    vendors = [
        each
        for each in catalogue.snapshot().providers.values()
        if each.kind not in {"local", "simulated"}
    ]
    names = ("has_tried", "has_schedule", "has_fired", "has_budget")
    steps = checklist.checklist(
        Beginning(
            **{name: found[name] for name in names},
            ready=tuple(each.label for each in vendors if each.is_configured),
            variables=tuple(
                each.key_ref.removeprefix(_ENV)
                for each in vendors
                if not each.is_configured and each.key_ref.startswith(_ENV)
            ),
        )
    )
    return None if steps.is_done else steps


# --- all of it ------------------------------------------------------------------------------------


def wanting_a_look(user: User) -> list[Schedule]:
    """Return the schedules that start no runs, fail, or were paused by the system.

    One more than are told. What a person has paused rests by intent, and waits for nobody.
    """
    rows = Schedule.objects.visible_to(user).current().with_outcome()
    unwell = SWITCHED_OFF | FAILING | REFUSED | PAUSED_BY_SYSTEM
    told = rows.filter(unwell).defer("parameters")
    return list(told.order_by("-enabled", "-pk")[: needs.MOST_TOLD + 1])


def latest_runs(user: User) -> list[Row]:
    """Return the newest runs, as the list of runs shows them: two queries."""
    told = {"told_reason": Left("reason", TOLD), "told_error": Left("error", TOLD)}
    newest = Run.objects.visible_to(user).defer(*LONG).annotate(**told).order_by("-pk")
    runs = list(newest[:LATEST])
    known = origins.of([run.pk for run in runs])
    return [Row(run, known.get(run.pk)) for run in runs]


@dataclass(frozen=True, slots=True)
class Overview:
    """The first page of a person, at one moment."""

    activity: Activity
    month: Month
    outlook: Outlook
    coming: Coming
    needs: tuple[Need, ...]
    latest: tuple[Row, ...]


def overview(user: User, now: datetime) -> Overview:
    """Read the overview: eight queries, however many rows there are."""
    budgets = months(user, now)
    return Overview(
        activity=activity(user, now),
        month=budgets[0],
        outlook=outlook(user, now),
        coming=schedules.coming(Schedule.objects.visible_to(user).current(), now),
        needs=tuple(
            needs.needs(
                condition.current(),
                findings.unwell() if user.is_staff else [],
                wanting_a_look(user),
                [each for each in budgets if each.is_near],
                is_staff=user.is_staff,
            )
        ),
        latest=tuple(latest_runs(user)),
    )
