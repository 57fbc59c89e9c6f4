"""What needs a person, put into words: what stands still first, then what soon will."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import reverse

from core.health import Finding, Level
from core.units import usd
from operations import registry
from providers import catalogue

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
    """Return what needs a person. `schedules` fail or are paused; `budgets` are nearly used up."""
    failing = [each for each in schedules if each.enabled]
    paused = [each for each in schedules if not each.enabled]
    found = [
        *_of_installation(condition, findings, is_staff=is_staff),
        *_of_schedules(
            failing, "danger", "is failing", "Its latest run ended in failure.", "failing"
        ),
        *map(_of_budget, budgets),
        *_of_schedules(paused, "paused", "is paused", "", "paused"),
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
    schedules: Sequence[Schedule], tone: str, verb: str, text: str, state: str
) -> Iterator[Need]:
    for each in schedules[:SHOWN]:
        url = reverse("show_schedule", args=[each.pk])
        yield Need(tone, f"“{each.name}” {verb}", text or each.pause_reason, url, "Open")
    rest = len(schedules) - SHOWN
    if rest > 0:
        verb = verb.replace("is ", "are ") if rest > 1 else verb
        url = f"{reverse('list_schedules')}?state={state}"
        more = f"{MOST_TOLD - SHOWN}+" if len(schedules) > MOST_TOLD else str(rest)
        yield Need(tone, f"{more} more {verb}", "", url, "Show all")


def _of_budget(month: Month) -> Need:
    name = f"“{registry.title_of(month.operation)}”" if month.operation else "Everything together"
    taken, limit = month.spent_usd + month.held_usd, month.limit_usd
    percent = int(100 * (month.share or 0))
    return Need(
        "danger" if percent >= 100 else "warning",
        f"{name} has used {percent}% of its month",
        f"{usd(taken)} of {usd(limit)}. Runs that would pass the limit are refused.",
        f"{reverse('edit_budgets')}#budget-{month.operation or 'total'}",
        "Change",
    )
