"""What people and triggers do to runs and budgets. `submit` is the only way to spend money."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from audit import services as audit
from core import sql
from core.errors import DomainError
from core.money import UsdField, from_nanos
from operations import gate, registry, validation
from operations.engine import planning, queue
from operations.engine.flight import Final
from operations.engine.settling import settle
from operations.estimates import Estimate
from operations.models import Budget, BudgetPeriod, ProviderState, Run
from preferences import services as preferences
from preferences.models import OperationPreference
from preferences.services import OperationChoice
from providers import catalogue
from providers.catalogue import ModelInfo, ProviderInfo
from providers.models import Provider

if TYPE_CHECKING:
    from accounts.models import User


class NotSubmitted(DomainError):
    """The run was not accepted."""


class NoRoom(NotSubmitted):
    """A budget has no room for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDraft:
    """A run to be written: its parameters were validated when its trigger was made."""

    owner_id: UUID
    operation: str
    parameters: Mapping[str, Any]
    origin: str
    id: UUID
    priority: int = 5
    requested_model: str = ""


def submit(
    *,
    owner: User,
    operation: str,
    parameters: Mapping[str, Any],
    origin: Run.Origin,
    priority: int = 5,
    model: str = "",
    status: Run.Status = Run.Status.PENDING,
    token: UUID | None = None,
) -> Run:
    """Accept a run: written when this returns, run by the next free worker.

    `token` names a form: what is submitted by it a second time, with the same parameters, is the
    run there is already. A click sent twice spends once.

    The owner's default parameters fill what `parameters` leaves out. Raises `DomainError` naming
    the field for an unknown operation or model, parameters that do not fit, a priority outside 1 to
    10, and an operation that its owner has switched off.
    """
    accepted = _accept(owner, operation, parameters, model)
    if not 1 <= priority <= 10:
        raise NotSubmitted("priority must be from 1 to 10; 10 runs first.")
    run = Run(
        owner=owner,
        operation=operation,
        parameters=accepted,
        origin=origin,
        priority=priority,
        requested_model=model,
        status=status,
    )
    if token is None:
        run.save(force_insert=True)
        return run
    run.token = _once(token, run)
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError:
        earlier = Run.objects.filter(owner=owner, token=run.token).first()
        if earlier is None:
            raise
        return earlier
    return run


def _accept(
    owner: User, operation: str, parameters: Mapping[str, Any], model: str
) -> dict[str, Any]:
    """Return the parameters as a run stores them, or raise `DomainError` saying why not to run."""
    definition = registry.get(operation)
    if not owner.is_active:
        raise NotSubmitted(f"The account of {owner.username} is deactivated; it runs nothing.")
    choice = preferences.lookup(owner.pk, operation)
    if not choice.enabled:
        raise NotSubmitted(
            f"{definition.title} is switched off in your preferences; switch it on to run it."
        )
    if model and (refusal := catalogue.snapshot().refusal_of(model)):
        raise NotSubmitted(f"model {refusal}")
    if isinstance(parameters, Mapping):
        parameters = {**choice.parameters, **parameters}
    return validation.to_json(validation.parse(definition, parameters))


def _once(token: UUID, run: Run) -> UUID:
    """Return what a form and all it says come to.

    Of the form alone it would not do: one that the browser's back button brings back, changed and
    sent again, asks for another run.
    """
    said = json.dumps(
        [run.operation, run.parameters, run.requested_model, run.priority], sort_keys=True
    )
    return uuid5(token, said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a run would cost, before it is submitted: the engine's own figures.

    `estimate` is None where no price is known. `held_usd` is reserved while the model is asked, and
    is the most that one call costs. `refusal` says why a budget has no room, and is else empty;
    `refused_by` is then that budget's scope.
    """

    model: ModelInfo
    provider: ProviderInfo
    fallbacks: tuple[ModelInfo, ...]
    estimate: Estimate | None
    held_usd: Decimal
    refusal: str
    refused_by: str = ""

    @property
    def is_local(self) -> bool:
        """Say whether it is answered by rules, without an AI model, and free."""
        return self.provider.kind == Provider.Kind.LOCAL


def estimate_of(
    *, owner: User, operation: str, parameters: Mapping[str, Any], model: str = ""
) -> Forecast:
    """Return what a run would cost, and who would be asked. Raises `DomainError` as `submit` does.

    Planned by the engine's own code, up to the call; writes nothing.
    """
    accepted = _accept(owner, operation, parameters, model)
    now, snapshot = timezone.now(), catalogue.snapshot()
    call = planning.foresee(owner, operation, accepted, snapshot, now, requested=model)
    flight = call.flight
    refusal = gate.refusal_ahead(owner.pk, operation, flight.month, call.ceiling)
    return Forecast(
        model=call.model,
        provider=call.provider,
        fallbacks=flight.route[flight.position + 1 :],
        estimate=flight.estimate,
        held_usd=from_nanos(call.ceiling),
        refusal=refusal.text,
        refused_by=refusal.scope,
    )


def try_out(
    *, owner: User, operation: str, parameters: Mapping[str, Any], model: str, token: UUID | None
) -> Run:
    """Submit a run by hand, unless its budget has no room for it: a person can be told at once."""
    forecast = estimate_of(owner=owner, operation=operation, parameters=parameters, model=model)
    if forecast.refusal:
        raise NoRoom(forecast.refusal)
    return submit(
        owner=owner,
        operation=operation,
        parameters=parameters,
        origin=Run.Origin.MANUAL,
        model=model,
        token=token,
    )


def submit_many(drafts: Sequence[RunDraft], now: datetime) -> None:
    """Write the runs of many triggers in one statement, in the caller's transaction.

    For triggers that fire: what they ask for was checked when they were saved, and is checked
    again when the run is claimed.
    """
    columns = [
        "id",
        "owner_id",
        "operation",
        "parameters",
        "origin",
        "priority",
        "requested_model",
        "status",
        "created_at",
        "available_at",
        *_EMPTY,
    ]
    rows = [
        (
            draft.id,
            draft.owner_id,
            draft.operation,
            draft.parameters,
            draft.origin,
            draft.priority,
            draft.requested_model,
            Run.Status.PENDING,
            now,
            now,
            *_EMPTY.values(),
        )
        for draft in drafts
    ]
    sql.insert_rows(Run, columns, rows)


# Columns without a default in the database, as a new run has them.
_EMPTY: dict[str, Any] = {
    "reason": "",
    "error": "",
    "claims": 0,
    "deaths": 0,
    "lane": "",
    "provider": "",
    "model": "",
}


@transaction.atomic
def cancel_run(run: Run, *, by: User | None, reason: str) -> None:
    """Cancel a run that waits, with what it has spent; one that runs will finish and count."""
    now = timezone.now()
    waiting = Run.objects.filter(pk=run.pk, status__in=Run.ACTIONS["cancel"])
    # Taken as by a worker, so that it is settled by the one rule: earlier attempts cost something.
    taken = waiting.update(status=Run.Status.RUNNING, claims=F("claims") + 1)
    run.refresh_from_db()
    if not taken:
        raise DomainError(f"Only a run that waits can be cancelled; this one is {run.status}.")
    flight = planning.flight_of([getattr(run, column) for column in queue.CLAIMED])
    planning.recall_attempts([flight])
    settle([Final(flight, Run.Status.CANCELLED, reason=reason)], now)
    run.refresh_from_db()
    audit.record("run.cancelled", target=run, by=by, after={"reason": reason})


@transaction.atomic
def save_preferences(
    *, owner: User, changes: Mapping[str, Mapping[str, Any]], by: User | None
) -> dict[str, OperationChoice]:
    """Change an owner's preferences; operations and default parameters are checked here.

    Default parameters may leave out what an operation requires: a run brings it. They are checked
    in the company of the operation's example.
    """
    for name, change in changes.items():
        definition = registry.get(name)
        if "parameters" in change:
            given = change["parameters"]
            if not isinstance(given, Mapping):
                raise DomainError(f"{name}: parameters must be an object, {{…}}.")
            validation.parse(definition, {**(definition.example or {}), **given})
    return preferences.save(owner=owner, changes=changes, by=by, now=timezone.now())


# --- budgets ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BudgetReport:
    """A budget in its present month. `resets_at` is when the next month begins for the owner."""

    scope: str  # "total", or the operation
    period: str
    limit_usd: Decimal | None
    spent_usd: Decimal
    held_usd: Decimal
    resets_at: datetime

    @property
    def free_usd(self) -> Decimal | None:
        """Return what may still be spent, or None without a limit."""
        if self.limit_usd is None:
            return None
        return max(Decimal(0), self.limit_usd - self.spent_usd - self.held_usd)


def budgets_of(owner: User) -> list[BudgetReport]:
    """Return the owner's budgets: the total first, then each operation with a limit or spending."""
    now = timezone.now()
    month = gate.month_of(now, owner.zone)
    limits = dict(
        OperationPreference.objects.filter(owner=owner).values_list(
            "operation", "monthly_budget_usd"
        )
    )
    total = Budget.objects.filter(owner=owner, operation="").first()
    limits[""] = total.limit_usd if total else None
    periods: dict[str, BudgetPeriod] = {}
    rows = BudgetPeriod.objects.filter(budget__owner=owner, period__gte=month)
    for row in rows.select_related("budget").order_by("period"):
        periods[row.budget.operation] = row
    shown = {""} | periods.keys() | {name for name, limit in limits.items() if limit is not None}
    return [
        _report(name, limits.get(name), periods.get(name), owner, month) for name in sorted(shown)
    ]


def _report(
    operation: str,
    limit: Decimal | None,
    row: BudgetPeriod | None,
    owner: User,
    month: str,
) -> BudgetReport:
    period = row.period if row else month
    return BudgetReport(
        scope=operation or "total",
        period=period,
        limit_usd=limit,
        spent_usd=row.spent_usd if row else Decimal(0),
        held_usd=row.held_usd if row else Decimal(0),
        resets_at=end_of_month(period, owner.zone),
    )


def end_of_month(period: str, zone: str) -> datetime:
    """Return the first moment after the month `period` (YYYY-MM) in `zone`."""
    year, month = map(int, period.split("-"))
    year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return datetime(year, month, 1, tzinfo=ZoneInfo(zone))


@transaction.atomic
def set_budget(
    *, owner: User, limit_usd: Decimal | None, operation: str = "", by: User | None
) -> None:
    """Set the monthly limit of everything, or of one operation; None lifts it.

    A limit below what this month has spent refuses every further run that costs anything.
    """
    if limit_usd is not None:
        limit_usd = UsdField().to_python(limit_usd)
        if limit_usd is None or limit_usd < 0:
            raise DomainError("limit must be 0 USD or more.")
    if operation:
        change = {operation: {"monthly_budget_usd": limit_usd}}
        save_preferences(owner=owner, changes=change, by=by)
        return
    budget, _ = Budget.objects.get_or_create(
        owner=owner, operation="", defaults={"scope": Budget.Scope.TOTAL}
    )
    budget = Budget.objects.select_for_update().get(pk=budget.pk)
    before = budget.limit_usd
    budget.limit_usd = limit_usd
    budget.save(update_fields=["limit_usd"])
    audit.record(
        "budget.changed",
        target=budget,
        by=by,
        owner=owner,
        before={"limit_usd": before},
        after={"limit_usd": limit_usd},
    )


# --- providers ----------------------------------------------------------------------------------


@transaction.atomic
def resume_provider(name: str, *, by: User | None) -> None:
    """End a provider's pause and close its circuit: the next run asks it again."""
    if name not in catalogue.snapshot().providers:
        known = ", ".join(catalogue.snapshot().providers)
        raise DomainError(f"There is no provider “{name}”. Choose one of: {known}.")
    state = ProviderState.objects.select_for_update().filter(provider=name).first()
    if state is None:
        return
    before = {"paused_reason": state.paused_reason, "open_until": state.open_until}
    state.paused_reason = ""
    state.failures = 0
    state.failing_since = state.down_since = state.blocked_until = None
    state.open_until = state.probe_until = None
    state.save()
    audit.record("provider.resumed", target=state, by=by, before=before)
