"""A ledger of months: 100,000 runs with all that belongs to them, written in well under a minute.

Parameters and results are real: each operation is run once through the engine, and its run stands
for thousands. Usage is booked by Helix's own rollups; money, holds and executions agree.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

RUNS = 100_000
SCHEDULES = 1_000
OWNERS = 20
DAYS = 60
HEAVY = "owner-0"  # has half of everything, and is staff, to whom every page opens
SHARE_OF_HEAVY = 0.5
LIMIT_USD = Decimal(500)
AUDIT_EVENTS = 2_000
JOBS = 5_000
ZONES = ("Europe/Vienna", "UTC", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe")
_MS = timedelta(milliseconds=1)

Row = tuple[Any, ...]


def id_at(moment: datetime, noise: int) -> UUID:
    """Return a UUID as `core.ids.uuid7` would have made it at `moment`."""
    milliseconds = int(moment.timestamp() * 1000)
    return UUID(
        int=milliseconds << 80 | 0x7 << 76 | (noise & 0xFFF) << 64 | 0b10 << 62 | noise >> 12
    )


@dataclass
class _Rows:
    """What is to be written, by table."""

    runs: list[Row] = field(default_factory=list)
    attempts: list[Row] = field(default_factory=list)
    executions: list[Row] = field(default_factory=list)
    holds: list[Row] = field(default_factory=list)
    tallies: list[Any] = field(default_factory=list)
    spent: dict[tuple[Any, str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    held: dict[tuple[Any, str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))


# Columns, in the order of the rows.
_RUN = (
    "id owner_id operation parameters origin requested_model priority status reason error"
    " created_at available_at started_at finished_at claims deaths worker_id lane result provider"
    " model input_tokens cached_tokens output_tokens cost_usd cost_low_usd cost_mid_usd"
    " cost_high_usd latency_ms"
)
_ATTEMPT = (
    "id run_id number provider model tier prompt_version outcome error_code error started_at"
    " finished_at latency_ms input_tokens cached_tokens output_tokens price_id ceiling_usd"
    " booked_usd cost_usd is_late"
)
_EXECUTION = "id schedule_id expected_at triggered_by run_id reason created_at"

SKIPPED = (
    "No room in the monthly budget “Everything”: $4.99 of $5.00 spent; "
    "this call may cost up to $0.02."
)
FAILED = "OpenAI answered 503 three times, and no other provider is set up."


def write() -> None:
    """Fill an empty, migrated database. Django is set up."""
    from django.db import transaction
    from django.utils import timezone

    random.seed(3)
    owners = _people()
    examples = _examples(owners[0])
    now = timezone.now()
    with transaction.atomic():
        schedules = _schedules(owners, examples, now)
        _write_rows(_rows(owners, schedules, examples, now))
        _close_schedules(schedules)
    _audit(owners[0])
    _jobs(now)
    _analyze()


def is_full() -> bool:
    from operations.models import Run
    from scheduling.models import Execution

    return Run.objects.count() >= RUNS and Execution.objects.exists()


def _people() -> list[Any]:
    from accounts.models import User
    from operations import registry, services

    slugs = [each.slug for each in registry.all_operations()]
    owners = []
    for number in range(OWNERS):
        is_heavy = f"owner-{number}" == HEAVY
        owner = User(
            username=f"owner-{number}",
            zone=ZONES[number % len(ZONES)],
            password="!",
            role=User.Role.STAFF if is_heavy else User.Role.USER,
            is_superuser=is_heavy,
        )
        owner.save()
        services.set_budget(owner=owner, limit_usd=LIMIT_USD, by=owner)
        choice = {"monthly_budget_usd": str(LIMIT_USD)}
        services.save_preferences(owner=owner, changes=dict.fromkeys(slugs, choice), by=owner)
        owners.append(owner)
    return owners


def _examples(owner: Any) -> list[tuple[str, Any, Any]]:
    """Return (operation, parameters, result) of one real run of each operation, by the rules."""
    from operations import registry, services
    from operations.engine.loop import Engine
    from operations.models import Run

    found = []
    for operation in registry.all_operations():
        run = services.submit(
            owner=owner,
            operation=operation.slug,
            parameters=operation.example or {},
            origin=Run.Origin.MANUAL,
            model=_LOCAL,
        )
        Engine(slots=1, kind="command").run_one(run.pk)
        run.refresh_from_db()
        if run.status != Run.Status.SUCCESS:
            raise RuntimeError(f"{operation.slug}: {run.error or run.reason}")
        found.append((operation.slug, run.parameters, run.result))
    return found


_LOCAL = "local:rules-1"


def _schedules(owners: Sequence[Any], examples: Sequence[Any], now: datetime) -> dict[Any, Any]:
    """Write the schedules; return them by owner."""
    from scheduling.models import Schedule

    by_owner: dict[Any, list[Any]] = {owner.pk: [] for owner in owners}
    rows = []
    for number in range(SCHEDULES):
        is_heavy = random.random() < SHARE_OF_HEAVY
        owner = owners[0] if is_heavy else owners[1 + number % (len(owners) - 1)]
        slug, parameters, _ = examples[number % len(examples)]
        is_paused, is_manual = number % 16 == 3, number % 25 == 7
        row = Schedule(
            id=id_at(now - timedelta(days=DAYS) + number * _MS, random.getrandbits(70)),
            owner=owner,
            name=f"{slug.replace('-', ' ').capitalize()} {number}",
            operation=slug,
            parameters=parameters,
            type=Schedule.Type.MANUAL if is_manual else Schedule.Type.CRON,
            expression="" if is_manual else _expression(number),
            zone=owner.zone,
            enabled=not is_paused,
            pause_reason="Paused by hand while the mail server moves." if is_paused else "",
            created_at=now - timedelta(days=DAYS),
        )
        row.plan(now)
        by_owner[owner.pk].append(row)
        rows.append(row)
    Schedule.objects.bulk_create(rows, batch_size=500)
    return by_owner


def _expression(number: int) -> str:
    minute, hour = number % 60, number // 60 % 24
    return (
        f"{minute} {hour} * * *",
        f"{minute} * * * *",
        f"*/{(5, 10, 15, 30)[number % 4]} 8-18 * * *",
        f"{minute} {hour} * * MON-FRI",
    )[number // 7 % 4]


def _models() -> list[tuple[str, str, Any]]:
    from providers import catalogue

    models = catalogue.snapshot().models.values()
    return [
        (each.provider, each.name, each.price_id)
        for each in models
        if each.provider not in {"simulated"} and not each.is_retired
    ][:8]


def _rows(
    owners: Sequence[Any], schedules: dict[Any, Any], examples: Sequence[Any], now: datetime
) -> _Rows:
    from operations import gate

    rows, models = _Rows(), _models()
    step = timedelta(days=DAYS) / RUNS
    months: dict[tuple[Any, int], str] = {}
    for number in range(RUNS):
        at = now - timedelta(days=DAYS) + number * step
        is_heavy = random.random() < SHARE_OF_HEAVY
        owner = owners[0] if is_heavy else owners[1 + number % (len(owners) - 1)]
        key = (owner.pk, number * 24 * DAYS // RUNS)
        month = months.get(key) or months.setdefault(key, gate.month_of(at, owner.zone))
        schedule = random.choice(schedules[owner.pk]) if number % 10 < 7 else None
        _add(rows, number, at, owner, month, schedule, examples, models)
    return rows


def _status(number: int, schedule: Any) -> str:
    if number >= RUNS - 40:
        return "pending"
    if number >= RUNS - 60:
        return "running"
    is_failing = schedule is not None and schedule.id.int % 40 == 1
    draw = random.random()
    if draw < (0.6 if is_failing else 0.03):
        return "failed"
    return "skipped" if draw > 0.98 else "cancelled" if draw > 0.975 else "success"


def _add(
    rows: _Rows,
    number: int,
    at: datetime,
    owner: Any,
    month: str,
    schedule: Any,
    examples: Sequence[Any],
    models: Sequence[Any],
) -> None:
    from operations.rollups import Tally

    if schedule is None:
        slug, parameters, result = examples[number % len(examples)]
    else:
        slug, parameters, result = next(each for each in examples if each[0] == schedule.operation)
    status = _status(number, schedule)
    is_called = status in {"success", "failed", "running"}
    is_over = status not in {"pending", "running"}
    provider, model, price_id = random.choice(models) if is_called else ("", "", None)
    latency_ms = int(random.lognormvariate(6.5, 0.8)) if status in {"success", "failed"} else None
    cost = Decimal(random.randrange(20_000, 20_000_000)).scaleb(-9)
    cost = cost if status == "success" and provider != "local" else Decimal(0)
    tokens = random.randrange(200, 4_000) if status == "success" else None
    run_id = id_at(at, random.getrandbits(70))
    started_at = at + 60 * _MS if is_called else None
    ended_at = (started_at or at) + (latency_ms or 5) * _MS if is_over else None
    origin = "cron" if schedule is not None else ("manual", "command")[number % 2]
    if schedule is not None and schedule.type == "manual":
        origin = "manual"
    rows.runs.append(
        (
            run_id, owner.pk, slug, parameters, origin, "", 5, status,
            SKIPPED if status == "skipped" else "By hand." if status == "cancelled" else "",
            FAILED if status == "failed" else "",
            at, at, started_at, ended_at, int(is_called), 0, None, "",
            result if status == "success" else None, provider, model,
            tokens, tokens and 0, tokens and tokens // 3,
            cost if is_over else None, cost, cost, cost * 2, latency_ms,
        )
    )  # fmt: skip
    if is_called:
        outcome = "calling" if status == "running" else status
        rows.attempts.append(
            (
                id_at(at + _MS, random.getrandbits(70)), run_id, 1, provider, model, "standard", 1,
                outcome, "overloaded" if status == "failed" else "",
                "503 from the vendor" if status == "failed" else "",
                started_at, ended_at, latency_ms, tokens, tokens and 0, tokens and tokens // 3,
                price_id, cost * 2, cost, cost if is_over else None, False,
            )
        )  # fmt: skip
    if status == "running":
        rows.holds.append((run_id, Decimal("0.02"), owner.pk, slug, month))
        for scope in ("", slug):
            rows.held[owner.pk, scope, month] += Decimal("0.02")
    for scope in ("", slug):
        rows.spent[owner.pk, scope, month] += cost
    if schedule is not None:
        trigger = "cron" if origin == "cron" else "manual"
        rows.executions.append((run_id, schedule.id, at, trigger, run_id, "", at))
        schedule.execution_count += 1
        schedule.last_execution_at = at
    if is_over and status != "cancelled":
        rows.tallies.append(
            Tally(
                owner_id=owner.pk, at=ended_at, operation=slug, provider=provider, model=model,
                origin=origin, runs=1, succeeded=int(status == "success"),
                failed=int(status == "failed"), skipped=int(status == "skipped"), cost_usd=cost,
                input_tokens=tokens or 0, output_tokens=(tokens or 0) // 3,
                latency_ms=latency_ms or 0, timed=int(latency_ms is not None),
            )
        )  # fmt: skip


def _write_rows(rows: _Rows) -> None:
    from core import sql
    from operations import rollups
    from operations.models import Attempt, Budget, BudgetPeriod, Hold, Run
    from scheduling.models import Execution

    sql.insert_rows(Run, _RUN.split(), rows.runs)
    sql.insert_rows(Attempt, _ATTEMPT.split(), rows.attempts)
    sql.insert_rows(Execution, _EXECUTION.split(), rows.executions)
    rollups.book(rows.tallies)
    _open_budgets(rows)
    budgets = {(each.owner_id, each.operation): each for each in Budget.objects.all()}
    periods = {
        (each.budget_id, each.period): each for each in BudgetPeriod.objects.all()
    }  # the examples made this month's
    for owner, scope, month in rows.spent:
        key = (owner, scope, month)
        budget = budgets[owner, scope]
        period = periods.setdefault((budget.pk, month), BudgetPeriod(budget=budget, period=month))
        period.spent_usd, period.held_usd = rows.spent[key], rows.held[key]
    BudgetPeriod.objects.bulk_create(
        periods.values(),
        batch_size=500,
        update_conflicts=True,
        unique_fields=["budget", "period"],
        update_fields=["spent_usd", "held_usd"],
    )
    ids = {(each.budget_id, each.period): each.pk for each in BudgetPeriod.objects.all()}
    Hold.objects.bulk_create(
        Hold(
            run_id=run,
            amount_usd=amount,
            period_ids=sorted(ids[budgets[owner, scope].pk, month] for scope in ("", slug)),
        )
        for run, amount, owner, slug, month in rows.holds
    )


def _open_budgets(rows: _Rows) -> None:
    from operations.models import Budget

    Budget.objects.bulk_create(
        [
            Budget(owner_id=owner, operation=scope, scope="operation" if scope else "total")
            for owner, scope in sorted({key[:2] for key in rows.spent}, key=str)
        ],
        ignore_conflicts=True,
    )


def _close_schedules(schedules: dict[Any, Any]) -> None:
    from scheduling.models import Schedule

    rows = [row for each in schedules.values() for row in each]
    Schedule.objects.bulk_update(rows, ["execution_count", "last_execution_at"], batch_size=200)


def _audit(owner: Any) -> None:
    from django.db import transaction

    from audit import services as audit

    for chunk in range(0, AUDIT_EVENTS, 500):
        with transaction.atomic():
            for number in range(chunk, min(chunk + 500, AUDIT_EVENTS)):
                audit.record(
                    ("schedule.changed", "budget.changed", "preference.changed")[number % 3],
                    target=f"scheduling.schedule:{id_at(owner.date_joined, number)}",
                    by=owner,
                    before={"priority": number % 10},
                    after={"priority": (number + 1) % 10},
                    ip="192.0.2.7",
                )


def _jobs(now: datetime) -> None:
    from jobs.models import JobRun

    JobRun.objects.bulk_create(_job_rows(now), batch_size=500)


def _job_rows(now: datetime) -> Iterator[Any]:
    from jobs.models import JobRun

    names = ("jobs.clean_up", "providers.refresh_prices", "audit.verify")
    for number in range(JOBS):
        at = now - timedelta(minutes=10 * (JOBS - number))
        is_failed = number % 50 == 9
        yield JobRun(
            id=id_at(at, random.getrandbits(70)),
            name=names[number % len(names)],
            state="failed" if is_failed else "success",
            progress=100,
            attempts=1,
            error="The database was away." if is_failed else "",
            created_at=at,
            started_at=at,
            finished_at=at + timedelta(seconds=1),
            duration_ms=1_000,
        )


def _analyze() -> None:
    """Give PostgreSQL the statistics that autovacuum would have by now."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
