"""`schedules pause|resume|delete --all`: many at once, after what would happen was told."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.services import find_user
from core.errors import DomainError
from scheduling import bulk
from scheduling.bulk import Action, Choice, Outcome
from scheduling.filters import ScheduleFilter
from scheduling.models import Schedule

KEYS = ("state", "q")  # of the list's address


def add_flags(verb: CommandParser) -> None:
    verb.add_argument("--all", action="store_true", help="many instead of ID, with --yes")
    verb.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="with --all: state=active|failing|paused, q=PART-OF-NAME; all of them if left out",
    )


def is_meant(given: dict[str, Any]) -> bool:
    """Tell whether --all was given; ID or --all, one of them, has to be."""
    if given["filter"] and not given["all"]:
        raise DomainError("--filter narrows --all: give that, too.")
    if bool(given["id"]) == bool(given["all"]):
        raise DomainError("Give an ID, or --all.")
    return bool(given["all"])


def change(given: dict[str, Any], name: str, *, yes: bool, reason: str = "") -> Outcome:
    """Do it to all that fit. Raises `DomainError`, which tells what would happen, without `yes`."""
    action = bulk.ACTIONS[name]
    schedules = Schedule.objects.all()
    if given["user"]:
        schedules = schedules.visible_to(find_user(given["user"]))
    choice = bulk.choose(ScheduleFilter(_query(given["filter"]), schedules).fitting, action)
    if not choice.rows:
        raise DomainError(f"No schedule that fits is there to {name}.")
    if not yes:
        raise DomainError(_question(action, choice))
    return bulk.change_many(choice.rows, action, by=None, reason=reason)


def _query(pairs: list[str]) -> dict[str, str]:
    query: dict[str, str] = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        is_known = key in KEYS and (key != "state" or value in ScheduleFilter.STATES[1:])
        if not is_known or not value or key in query:  # a filter misread would mean all
            raise DomainError(
                f"--filter: “{pair}” is none of state=active, state=failing, state=paused, q=TEXT, "
                "each once."
            )
        query[key] = value
    return query


def _question(action: Action, choice: Choice) -> str:
    number = len(choice.rows)
    told = f"This would {action.name} {number:,} schedule{'' if number == 1 else 's'}"
    if choice.with_history:
        told += f", {choice.with_history:,} of them with a history, which stays"
    if choice.beyond:
        told += f" (the newest of {choice.number:,} that fit)"
    return f"{told}. Confirm with --yes."


def data_of(outcome: Outcome) -> dict[str, Any]:
    return {
        "done": [schedule.pk for schedule in outcome.done],
        "refused": [
            {"id": schedule.pk, "name": schedule.name, "reason": why}
            for schedule, why in outcome.refused
        ],
        "left": [schedule.pk for schedule in outcome.left],
    }


def text_of(outcome: Outcome, name: str) -> str:
    lines = [f"{bulk.ACTIONS[name].done} {len(outcome.done):,}."]
    lines += [f"  refused: {schedule.name}: {why}" for schedule, why in outcome.refused]
    lines += [f"  not reached in time: {schedule.name}" for schedule in outcome.left]
    return "\n".join(lines)
