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
    limit = change.after.get("limit_usd")
    if limit is None:
        return "Lifted the monthly limit of everything."
    return f"Set the monthly limit of everything to {_usd(limit)}."


@sentence("provider.resumed")
def tell_resumed(change: Change) -> str:
    name = change.target.partition(":")[2]
    return f"Resumed the provider “{name}”."


def _usd(amount: object) -> str:
    try:
        return usd(Decimal(str(amount)))
    except InvalidOperation:  # said in other words than ours
        return str(amount)
