"""What is recorded of runs, budgets and pauses, in plain words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from django.urls import reverse

from core.sentences import Change, Named, namer, sentence
from core.units import usd
from operations import registry
from operations.models import Run

if TYPE_CHECKING:
    from accounts.models import User

PARTS_TOLD = 4  # of a save; the entry has them all
DEFAULTS = {"model": "", "allow_local": True, "enabled": True, "monthly_budget_usd": None}
PREFERENCES = {
    "model": "Model",
    "fallbacks": "Fallbacks",
    "allow_local": "Rules where no model answers",
    "parameters": "Default parameters",
}


@namer("operations.run")
def name_runs(user: User, keys: Collection[str]) -> Mapping[str, Named]:
    found = Run.objects.visible_to(user).filter(pk__in=keys).values_list("pk", "operation")
    return {
        str(pk): Named(_title(operation), reverse("show_run", args=[pk])) for pk, operation in found
    }


def _title(operation: str) -> str:
    try:
        return registry.get(operation).title
    except registry.UnknownOperation:
        return operation


@sentence("run.cancelled")
def tell_cancelled(change: Change) -> str:
    run = f"a run of “{change.name}”" if change.name else "a run"
    reason = change.told("reason")
    return f"Cancelled {run}: {reason}" if reason else f"Cancelled {run}."


@sentence("budget.changed")
def tell_budget_changed(change: Change) -> str:
    before, after = change.before.get("limit_usd"), change.after.get("limit_usd")
    return f"Limit of everything: {_usd(before)} → {_usd(after)}."


@sentence("preferences.saved")
def tell_preferences_saved(change: Change) -> str:
    parts: list[str] = []
    for slug, after in change.after.items():
        before = change.before.get(slug)
        told = _preferences(
            _title(slug),
            Change(
                action="",
                target="",
                before={**DEFAULTS, **(before if isinstance(before, dict) else {})},
                after=after if isinstance(after, dict) else {},
            ),
        )
        parts += told or [f"Saved preferences of {_title(slug)}"]
    left = len(parts) - PARTS_TOLD
    more = f"; and {left:,} more" if left > 0 else ""
    return f"{'; '.join(parts[:PARTS_TOLD]) or 'Saved the preferences'}{more}."


def _preferences(title: str, change: Change) -> list[str]:
    """Return what has changed of the preferences of one operation."""
    parts = []
    if "enabled" in change.after:
        parts.append(f"Switched {'on' if change.after['enabled'] else 'off'} {title}")
    if "monthly_budget_usd" in change.after:
        before, after = (each.get("monthly_budget_usd") for each in (change.before, change.after))
        parts.append(f"Limit of {title}: {_usd(before)} → {_usd(after)}")
    words = {name: f"{word} of {title}" for name, word in PREFERENCES.items()}
    return parts + change.differences(words)


@sentence("provider.resumed")
def tell_resumed(change: Change) -> str:
    name = change.target.partition(":")[2]
    return f"Resumed the provider “{name}”."


def _usd(amount: object) -> str:
    if amount is None:
        return "none"
    try:
        return usd(Decimal(str(amount)))
    except InvalidOperation:  # said in other words than ours
        return str(amount)
