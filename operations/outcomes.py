"""What the pages about one run show: its state, its attempts, its result, and why it ran."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.utils import timezone

from operations import origins, presenting, registry, services, waiting
from operations.models import Attempt, EngineWorker, ProviderState, Run
from operations.waiting import Waiting
from preferences import services as preferences

AHEAD_AT_MOST = 1_000
ORIGINS = {
    Run.Origin.CRON: "A schedule",
    Run.Origin.WEBHOOK: "A webhook",
    Run.Origin.MANUAL: "You, by hand",
    Run.Origin.BATCH: "A batch",
    Run.Origin.RETRY: "A retry",
    Run.Origin.BACKFILL: "A schedule, filling a gap",
    Run.Origin.API: "The API",
    Run.Origin.COMMAND: "A command",
}


def context_of(run: Run) -> dict[str, Any]:
    """Return what `operations/_outcome.html` needs: the run's page, try-it and the live part."""
    attempts = list(run.attempts.order_by("number"))
    return {
        "run": run,
        "title": registry.title_of(run.operation),
        "attempts": attempts,
        "presentation": presenting.present(run),
        "waiting": waiting_of(run, has_attempts=bool(attempts)),
        "unknown_usd": unknown_usd(attempts),
        "may_cancel": run.allows("cancel"),
        "may_repeat": run.allows("repeat") and registry.title_of(run.operation) != run.operation,
    }


def parameters_of(run: Run) -> presenting.Fields:
    return presenting.present_parameters(run.operation, run.parameters)


def unknown_usd(attempts: Sequence[Attempt]) -> Decimal | None:
    """Return what budgets count for calls whose cost nobody knows; None where all is known."""
    unknown = [each for each in attempts if each.cost_usd is None and each.finished_at is not None]
    return sum((each.booked_usd for each in unknown), Decimal(0)) if unknown else None


# --- why it waits ---------------------------------------------------------------------------------


def waiting_of(run: Run, *, has_attempts: bool) -> Waiting | None:
    """Return why a pending run is not running, from the rows of this moment; else None."""
    if run.status != Run.Status.PENDING:
        return None
    workers = EngineWorker.objects.taking_runs().count()
    provider: waiting.Provider | None = None
    budgets: tuple[waiting.Money, ...] = ()
    ahead = 0
    if workers and run.lane:
        provider = _provider(run.lane)
    elif workers and run.claims and not has_attempts:
        budgets = _budgets(run)
    elif workers:
        ahead = _ahead_of(run)
    return waiting.explain(
        waiting.Pending(run.available_at, run.claims, has_attempts),
        now=timezone.now(),
        workers=workers,
        provider=provider,
        budgets=budgets,
        ahead=ahead,
    )


def _provider(name: str) -> waiting.Provider:
    row = ProviderState.objects.filter(provider=name).first()
    if row is None:
        return waiting.Provider(name)
    return waiting.Provider(
        name, row.paused_reason, row.blocked_until, row.open_until, row.probe_until
    )


def _budgets(run: Run) -> tuple[waiting.Money, ...]:
    return tuple(
        waiting.Money(report.scope, report.limit_usd, report.spent_usd, report.held_usd)
        for report in services.budgets_of(run.owner)
        if report.limit_usd is not None and report.scope in ("total", run.operation)
    )


def _ahead_of(run: Run) -> int:
    before = Q(priority__gt=run.priority) | Q(priority=run.priority, id__lt=run.pk)
    pending = Run.objects.filter(owner_id=run.owner_id).of_status(Run.Status.PENDING)
    return pending.filter(before, available_at__lte=timezone.now())[:AHEAD_AT_MOST].count()


# --- why it ran -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Why:
    """What asked for the run, when it was taken up, and why by that model."""

    asked_by: str
    origin: origins.Origin | None
    waited: timedelta | None
    model: str
    model_reason: str


def context_of_why(run: Run, attempts: Sequence[Attempt] | None = None) -> dict[str, Any]:
    """Return what `operations/_why.html` needs."""
    if attempts is None:
        attempts = list(run.attempts.order_by("number"))
    preferred = ""
    if attempts and not run.requested_model:
        preferred = preferences.lookup(run.owner_id, run.operation).model
    why = Why(
        asked_by=ORIGINS.get(Run.Origin(run.origin), run.get_origin_display()),
        origin=origins.of([run.pk]).get(run.pk),
        waited=run.started_at - run.created_at if run.started_at else None,
        model=f"{run.provider}:{run.model}" if run.provider else "",
        model_reason=why_this_model(
            requested=run.requested_model,
            preferred=preferred,
            asked=[f"{each.provider}:{each.model}" for each in attempts],
            is_final=run.is_final,
        ),
    )
    return {"run": run, "why": why}


def why_this_model(*, requested: str, preferred: str, asked: Sequence[str], is_final: bool) -> str:
    """Return in words why these models were asked, in this order.

    `preferred` is the owner's choice of today: what it was when the run was planned is not kept.
    """
    if not asked:
        if not is_final:
            return f"{requested} was asked for." if requested else "It is chosen when it starts."
        return "No model was asked."
    first, last = asked[0], asked[-1]
    if first == requested:
        reason = "It was asked for with this run."
    elif requested:
        reason = f"{requested} was asked for, but could not be used then."
    elif first == preferred:
        reason = "It is your choice for this operation."
    else:
        reason = "It was first in line: nothing else was chosen for this run."
    if last != first:
        reason = f"{first}: {reason[0].lower()}{reason[1:]} {last} followed, as its fallback."
    return reason
