"""What pages about operations count: reads, and no more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db.models import Sum

from core.errors import DomainError
from operations import registry, router
from operations.models import EngineWorker, Usage
from operations.registry import Operation
from preferences import services as preferences
from providers import catalogue
from providers.catalogue import ModelInfo
from providers.models import Provider

if TYPE_CHECKING:
    from accounts.models import User

KINDS = {"mail": "Mail", "calendar": "Calendar", "tasks": "Tasks", "analytics": "Analytics"}


@dataclass(frozen=True, slots=True)
class Month:
    """An owner's runs of one operation since the month began; of unknown cost: not in the sum."""

    runs: int = 0
    succeeded: int = 0
    failed: int = 0
    unknown_cost: int = 0
    cost_usd: Decimal = Decimal(0)

    @property
    def success(self) -> float | None:
        """Return the share that succeeded, from 0 to 1; None: none has ended either way."""
        ended = self.succeeded + self.failed
        return self.succeeded / ended if ended else None


@dataclass(frozen=True, slots=True)
class Card:
    """An operation in the catalogue. Without a `model`, `no_model` says why none would answer."""

    operation: Operation[Any]
    is_enabled: bool
    model: ModelInfo | None
    is_local: bool
    no_model: str
    month: Month


@dataclass(frozen=True, slots=True)
class Kind:
    title: str
    cards: list[Card]


def kinds_of(owner: User, now: datetime) -> list[Kind]:
    """Return the catalogue as its owner would find it now, by kind."""
    operations = registry.all_operations()
    choices = preferences.lookup_many((owner.pk, each.slug) for each in operations)
    months = months_of(owner, now)
    cards = [
        _card(each, choices[owner.pk, each.slug], months.get(each.slug, Month()))
        for each in operations
    ]
    return [
        Kind(title, [card for card in cards if card.operation.kind == kind])
        for kind, title in KINDS.items()
    ]


def total(kinds: Iterable[Kind]) -> Month:
    """Return the sums over all operations."""
    months = [card.month for kind in kinds for card in kind.cards]
    return Month(
        sum(month.runs for month in months),
        sum(month.succeeded for month in months),
        sum(month.failed for month in months),
        sum(month.unknown_cost for month in months),
        sum((month.cost_usd for month in months), Decimal(0)),
    )


def has_workers() -> bool:
    """Say whether anybody would run a run now."""
    return EngineWorker.objects.taking_runs().exists()


def _card(operation: Operation[Any], choice: preferences.OperationChoice, month: Month) -> Card:
    snapshot = catalogue.snapshot()
    model, no_model = None, ""
    try:
        model = router.plan_route(operation, choice, snapshot)[0]
    except DomainError as refusal:
        no_model = str(refusal)
    is_local = model is not None and snapshot.provider_of(model).kind == Provider.Kind.LOCAL
    return Card(operation, choice.enabled, model, is_local, no_model, month)


def months_of(owner: User, now: datetime) -> dict[str, Month]:
    """Return the owner's present month by operation: one query."""
    local = now.astimezone(ZoneInfo(owner.zone))
    start = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    names = ("runs", "succeeded", "failed", "unknown_cost", "cost_usd")
    sums = {f"all_{name}": Sum(name) for name in names}
    rows = Usage.objects.filter(owner=owner, hour__gte=start).values("operation").annotate(**sums)
    return {slug: Month(*all_) for slug, *all_ in rows.order_by().values_list("operation", *sums)}
