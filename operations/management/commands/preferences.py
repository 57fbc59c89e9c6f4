"""See and set what a person chose per operation: `manage.py preferences list|set --user U`."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandParser

from accounts.services import find_user
from core.commands import HelixCommand, read_json
from core.errors import DomainError
from core.units import usd
from operations import registry, services
from preferences.services import OperationChoice, lookup_many

ANSWERS = {"yes": True, "no": False}


class Command(HelixCommand):
    help = "See and set what a person chose for each operation."

    def add_arguments(self, parser: CommandParser) -> None:
        listing = self.add_verb(parser, "list", self.list, about="every operation's choices")
        listing.add_argument("--user", required=True)
        setting = self.add_verb(
            parser, "set", self.set, about="change one operation; what is not named stays"
        )
        setting.add_argument("--user", required=True)
        setting.add_argument("--operation", required=True)
        setting.add_argument("--enabled", choices=ANSWERS)
        setting.add_argument("--model", help="provider:model, or auto to let Helix choose")
        setting.add_argument(
            "--fallback",
            nargs="*",
            metavar="MODEL",
            help="models to ask next, in order; none given: no other; auto: Helix's own order",
        )
        setting.add_argument(
            "--allow-local",
            choices=[*ANSWERS, "auto"],
            help="may the built-in rules answer when no model can",
        )
        setting.add_argument("--params", help="default parameters: a JSON object, @FILE or -")
        setting.add_argument("--budget", help="USD a calendar month, or none")

    def list(self, *, user: str, **_: Any) -> None:
        owner = find_user(user)
        slugs = [operation.slug for operation in registry.all_operations()]
        choices = lookup_many((owner.pk, slug) for slug in slugs)
        rows = [(slug, choices[owner.pk, slug]) for slug in slugs]
        self.emit(
            [as_json(slug, choice) for slug, choice in rows],
            "\n".join(as_text(slug, choice) for slug, choice in rows),
        )

    def set(self, *, user: str, operation: str, **options: Any) -> None:
        change = changes_from(options)
        if not change:
            raise DomainError(
                "Nothing to set: give --enabled, --model, --fallback, --allow-local, --params or "
                "--budget."
            )
        saved = services.save_preferences(
            owner=find_user(user), changes={operation: change}, by=None
        )
        choice = saved[operation]
        self.emit(as_json(operation, choice), as_text(operation, choice))


def changes_from(options: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that the command line names, as `save_preferences` takes them."""
    change: dict[str, Any] = {}
    if options["enabled"] is not None:
        change["enabled"] = ANSWERS[options["enabled"]]
    if options["model"] is not None:
        change["model"] = "" if options["model"] == "auto" else options["model"]
    if options["fallback"] is not None:
        change["fallbacks"] = None if options["fallback"] == ["auto"] else options["fallback"]
    if options["allow_local"] is not None:
        change["allow_local"] = ANSWERS.get(options["allow_local"])
    if options["params"] is not None:
        change["parameters"] = read_json("--params", options["params"])
    if options["budget"] is not None:
        is_none = options["budget"].strip().lower() == "none"
        change["monthly_budget_usd"] = None if is_none else options["budget"]
    return change


def as_json(operation: str, choice: OperationChoice) -> dict[str, Any]:
    return {
        "operation": operation,
        "enabled": choice.enabled,
        "model": choice.model,
        "fallbacks": None if choice.fallbacks is None else list(choice.fallbacks),
        "allow_local": choice.allow_local,
        "parameters": dict(choice.parameters),
        "monthly_budget_usd": choice.monthly_budget_usd,
    }


def as_text(operation: str, choice: OperationChoice) -> str:
    parts = ["on" if choice.enabled else "off", f"model {choice.model or 'auto'}"]
    if choice.fallbacks is not None:
        parts.append(f"then {', '.join(choice.fallbacks) or 'no other'}")
    if choice.allow_local is not None:
        parts.append("rules may stand in" if choice.allow_local else "rules may not stand in")
    if choice.monthly_budget_usd is not None:
        parts.append(f"{usd(choice.monthly_budget_usd)} a month")
    if choice.parameters:
        parts.append(json.dumps(dict(choice.parameters), ensure_ascii=False))
    return f"{operation}: {'; '.join(parts)}"
