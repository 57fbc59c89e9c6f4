"""Why a run has not run yet. Values in, a sentence out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from core.units import usd
from operations import registry

Kind = Literal["worker", "provider", "money", "later", "turn"]


@dataclass(frozen=True, slots=True)
class Provider:
    """What is known of the provider that a run was sent back to wait for."""

    name: str
    paused_reason: str = ""
    blocked_until: datetime | None = None
    open_until: datetime | None = None
    probe_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Money:
    """A budget that the run falls under; `scope` is “total” or the operation."""

    scope: str
    limit_usd: Decimal
    spent_usd: Decimal
    held_usd: Decimal


@dataclass(frozen=True, slots=True)
class Pending:
    """A pending run, as far as it says why it waits."""

    available_at: datetime
    claims: int
    has_attempts: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a run waits for. `until` is when it is looked at again, where that is known."""

    kind: Kind
    text: str
    until: datetime | None = None


def explain(
    run: Pending,
    *,
    now: datetime,
    workers: int,
    provider: Provider | None = None,
    budgets: tuple[Money, ...] = (),
    ahead: int = 0,
) -> Waiting:
    """Return what keeps `run` waiting, the first thing that would have to change first.

    `budgets` have a limit; `ahead` counts runs of the same owner that come before it.
    """
    if not workers:
        return Waiting(
            "worker", "No worker is running, so nothing is taken up. Start one: manage.py worker."
        )
    is_later = run.available_at > now
    until = run.available_at if is_later else None
    if provider is not None:
        return Waiting("provider", _told_of(provider, now), until)
    if run.claims and not run.has_attempts:
        held = [budget for budget in budgets if budget.held_usd]
        if held:
            return Waiting("money", _told_of_money(held[0]), until)
    if is_later and not run.claims:
        return Waiting("later", "It was put off.", until)
    if ahead:
        runs = "1 other run of yours" if ahead == 1 else f"{ahead:,} other runs of yours"
        return Waiting("turn", f"It waits its turn behind {runs}.", until)
    return Waiting("turn", "It is next: a worker with a free place takes it.", until)


def _told_of(provider: Provider, now: datetime) -> str:
    name = provider.name
    if provider.paused_reason:
        return f"{name} is paused until someone acts: {provider.paused_reason}"
    if provider.blocked_until and provider.blocked_until > now:
        return f"{name} asked us to wait."
    if provider.open_until and provider.open_until > now:
        return f"{name} is down; it is asked again once a minute."
    if provider.probe_until and provider.probe_until > now:
        return f"{name} was down and is being tried with one call."
    return f"The rate limit of {name} is used up; it refills."


def _told_of_money(budget: Money) -> str:
    of = "the monthly budget"
    if budget.scope != "total":
        of += f" “{registry.title_of(budget.scope)}”"
    return (
        f"Running calls hold {usd(budget.held_usd)} of {of} ({usd(budget.spent_usd)} of "
        f"{usd(budget.limit_usd)} spent). It goes on when one of them costs less than it holds."
    )
