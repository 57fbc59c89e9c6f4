"""What needs a person, put into words: what stands still first, then what soon will."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from django.urls import reverse

from core.health import Finding, Level
from core.units import usd
from operations import registry
from providers import catalogue
from scheduling.reports import FAILING, PAUSED, REFUSED, SWITCHED_OFF, State, state_of

if TYPE_CHECKING:
    from analytics.condition import Condition
    from analytics.reports import Month
    from scheduling.models import Schedule

SHOWN = 5  # schedules of one kind by name; the others as a number
MOST_TOLD = 50  # schedules that are read for it


@dataclass(frozen=True, slots=True)
class Need:
    """One thing, and the page where it is mended, where this person has one."""

    tone: str
    title: str
    text: str
    url: str = ""
    label: str = ""


def needs(
    condition: Condition,
    findings: Sequence[Finding],
    schedules: Sequence[Schedule],
    budgets: Sequence[Month],
    *,
    is_staff: bool,
) -> list[Need]:
    """Return what needs a person. `budgets` are nearly used up.

    `schedules` were read `with_outcome`: they fail, start no runs, or the system paused them.
    """
    by_state: dict[State, list[Schedule]] = defaultdict(list)
    for each in schedules:
        by_state[state_of(each)].append(each)
    found = [
        *_of_installation(condition, findings, is_staff=is_staff),
        *_of_schedules(by_state[FAILING], "danger", "is failing", "failing"),
        *map(_of_budget, budgets),
        *_of_schedules(by_state[REFUSED], "warning", "is refused", "active"),
        *_of_operations_off(by_state[SWITCHED_OFF]),
        *_of_schedules(by_state[PAUSED], "paused", "is paused", "paused"),
    ]
    return sorted(found, key=lambda need: need.tone != "danger")  # stable: else as above


def _of_installation(
    condition: Condition, findings: Sequence[Finding], *, is_staff: bool
) -> Iterator[Need]:
    if condition.tone != "success" and not condition.troubles:
        text = condition.detail + "."
        if condition.tone == "danger":
            text += (
                " Start “manage.py worker”; its log says more."
                if is_staff
                else " Tell whoever runs this installation."
            )
        yield Need(condition.tone, condition.headline, text)
    labels = {name: each.label for name, each in catalogue.snapshot().providers.items()}
    for trouble in condition.troubles:
        label = labels.get(trouble.provider, trouble.provider)
        if trouble.reason:
            url = reverse("admin:operations_providerstate_changelist") if is_staff else ""
            yield Need(
                "danger", f"{label} is paused until someone acts", trouble.reason, url, "Open"
            )
        else:
            text = "It is asked again once a minute; runs go to their fallbacks meanwhile."
            yield Need("warning", f"{label} does not answer", text)
    for finding in findings:
        tone = "danger" if finding.level == Level.RED else "warning"
        yield Need(tone, finding.says, finding.mend)


def _of_schedules(
    schedules: Sequence[Schedule], tone: str, verb: str, state: str
) -> Iterator[Need]:
    for each in schedules[:SHOWN]:
        url = reverse("show_schedule", args=[each.pk])
        yield Need(tone, f"“{each.name}” {verb}", _why(each), url, "Open")
    rest = len(schedules) - SHOWN
    if rest > 0:
        verb = verb.replace("is ", "are ") if rest > 1 else verb
        url = f"{reverse('list_schedules')}?state={state}"
        more = f"{MOST_TOLD - SHOWN}+" if len(schedules) > MOST_TOLD else str(rest)
        yield Need(tone, f"{more} more {verb}", "", url, "Show all")


def _why(schedule: Schedule) -> str:
    if not schedule.enabled:
        return schedule.pause_reason
    return str(cast("Any", schedule).refusal) or "Its latest run ended in failure."


def _of_operations_off(schedules: Sequence[Schedule]) -> Iterator[Need]:
    """Name each operation once, however many schedules wait for it."""
    names: dict[str, list[str]] = defaultdict(list)
    for each in schedules:
        names[each.operation].append(f"“{each.name}”")
    for operation, waiting in sorted(names.items()):
        waiting.sort()
        rest = len(waiting) - SHOWN
        told = ", ".join(waiting[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
        verb = "start" if len(waiting) > 1 else "starts"
        yield Need(
            "warning",
            f"The operation “{registry.title_of(operation)}” is switched off",
            f"{told} {verb} no runs.",
            reverse("edit_operations"),
            "Open settings",
        )


def _of_budget(month: Month) -> Need:
    name = f"“{registry.title_of(month.operation)}”" if month.operation else "Everything together"
    taken, limit = month.spent_usd + month.held_usd, month.limit_usd
    share = month.share or 0
    so_far = f"{usd(taken)} of {usd(limit)}"
    if share > 1:
        title = f"{name} is over its limit: {so_far}"
    elif share == 1:
        title = f"{name} is at its limit: {so_far}"
    else:
        title = f"{name} has used {int(100 * share)}% of its limit: {so_far}"
    return Need(
        "danger" if share >= 1 else "warning",
        title,
        "Runs that would pass the limit are refused.",
        f"{reverse('edit_budgets')}#budget-{month.operation or 'total'}",
        "Change",
    )
