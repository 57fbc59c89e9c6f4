"""The same for many schedules at once: each by the rule for one, and by itself."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q

from core.errors import DomainError
from scheduling import services
from scheduling.models import Execution, Schedule, ScheduleQuerySet

if TYPE_CHECKING:
    from accounts.models import User

MOST = 1_000  # schedules at once
LONGEST_S = 10.0  # then those that are left stay as they are, and are told


@dataclass(frozen=True)
class Action:
    """What can be done to many. `of` are those to which it can be done; the others are `so`."""

    name: str
    verb: str
    done: str
    of: Q
    so: str


ACTIONS = {
    action.name: action
    for action in (
        Action("pause", "Pause", "Paused", Q(enabled=True), "paused already"),
        Action("resume", "Resume", "Resumed", Q(enabled=False), "on already"),
        Action("delete", "Delete", "Deleted", Q(), ""),
    )
}


@dataclass(frozen=True)
class Choice:
    """What an action would be done to: `rows`, the newest of `number` in all; `others` stay."""

    rows: list[Schedule]
    number: int
    others: int
    with_history: int

    @property
    def beyond(self) -> int:
        return self.number - len(self.rows)

    @property
    def without_history(self) -> int:
        return len(self.rows) - self.with_history


def choose(schedules: ScheduleQuerySet, action: Action) -> Choice:
    """Find those among `schedules` that `action` concerns."""
    current = schedules.current()
    concerned = current.filter(action.of)
    rows = list(concerned.order_by("-id")[:MOST])
    number = len(rows) if len(rows) < MOST else concerned.count()
    return Choice(
        rows=rows,
        number=number,
        others=current.count() - number,
        with_history=_count_history(rows) if action.name == "delete" else 0,
    )


def _count_history(rows: list[Schedule]) -> int:
    """Count those that have ever fired; not visible_to again: the rows are."""
    fired = Exists(Execution.objects.filter(schedule=OuterRef("pk")))
    return Schedule.objects.filter(fired, pk__in=[row.pk for row in rows]).count()


@dataclass
class Outcome:
    """What became of each; `refused` says why."""

    done: list[Schedule] = field(default_factory=list)
    refused: list[tuple[Schedule, str]] = field(default_factory=list)
    left: list[Schedule] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not self.refused and not self.left


def change_many(
    schedules: Iterable[Schedule], action: Action, *, by: User | None, reason: str = ""
) -> Outcome:
    """Do `action` to each, in a transaction of its own with an entry of its own in the audit log.

    One that refuses keeps no other from it. What is not reached in `LONGEST_S` is left.
    """
    outcome = Outcome()
    end_s = time.monotonic() + LONGEST_S
    for schedule in schedules:
        if time.monotonic() >= end_s:
            outcome.left.append(schedule)
            continue
        try:
            _change(schedule, action, by=by, reason=reason)
        except DomainError as refusal:
            outcome.refused.append((schedule, str(refusal)))
        except ValidationError as refusal:
            outcome.refused.append((schedule, " ".join(refusal.messages)))
        else:
            outcome.done.append(schedule)
    return outcome


def _change(schedule: Schedule, action: Action, *, by: User | None, reason: str) -> None:
    if action.name == "pause":
        services.pause_schedule(schedule, by=by, reason=reason)
    elif action.name == "resume":
        services.resume_schedule(schedule, by=by)
    else:
        services.delete_schedule(schedule, by=by, confirmed=True)
