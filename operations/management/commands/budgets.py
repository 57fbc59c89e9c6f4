"""See and set monthly budgets: `manage.py budgets list|set --user U`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser

from accounts.services import find_user
from core.commands import HelixCommand
from core.errors import DomainError
from core.money import UsdField
from core.units import usd, usd_left
from operations import services
from operations.services import BudgetReport


class Command(HelixCommand):
    help = "See and set a person's monthly budgets."

    def add_arguments(self, parser: CommandParser) -> None:
        listing = self.add_verb(parser, "list", self.list, about="what is spent, held and free")
        listing.add_argument("--user", required=True)
        setting = self.add_verb(parser, "set", self.set, about="set or lift a limit")
        setting.add_argument("--user", required=True)
        setting.add_argument("--operation", default="", help="only this operation; else everything")
        setting.add_argument("--limit", required=True, help="USD a calendar month, or none")

    def list(self, *, user: str, **_: Any) -> None:
        reports = services.budgets_of(find_user(user))
        self.emit([as_json(each) for each in reports], "\n".join(map(as_text, reports)))

    def set(self, *, user: str, operation: str, limit: str, **_: Any) -> None:
        owner = find_user(user)
        services.set_budget(owner=owner, operation=operation, limit_usd=amount(limit), by=None)
        scope = operation or "total"
        report = next(each for each in services.budgets_of(owner) if each.scope == scope)
        self.emit(as_json(report), as_text(report))


def amount(text: str) -> Decimal | None:
    if text.strip().lower() == "none":
        return None
    try:
        limit = Decimal(text)
        if not limit.is_finite() or limit < 0:
            raise ArithmeticError
        return UsdField().to_python(limit)
    except (ArithmeticError, ValidationError):
        raise DomainError(
            f"--limit “{text}” is not an amount in USD of 0 or more; use such as 12.50, or none."
        ) from None


def as_json(report: BudgetReport) -> dict[str, Any]:
    return {
        "scope": report.scope,
        "period": report.period,
        "limit_usd": report.limit_usd,
        "spent_usd": report.spent_usd,
        "held_usd": report.held_usd,
        "free_usd": report.free_usd,
        "resets_at": report.resets_at,
    }


def as_text(report: BudgetReport) -> str:
    limit = "no limit" if report.limit_usd is None else f"{usd(report.limit_usd)} a month"
    free = "" if report.free_usd is None else f", free {usd_left(report.free_usd)}"
    return (
        f"{report.scope}: {limit}, spent {usd(report.spent_usd)}, held {usd(report.held_usd)}"
        f"{free}; resets {report.resets_at:%Y-%m-%d %H:%M %Z}"
    )
