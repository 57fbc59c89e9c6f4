"""A person's Helix with something in every list and every state, to be looked at by tests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from jobs.models import JobRun, JobStamp
from operations import registry, validation
from operations import services as operations
from operations.models import Attempt, Budget, BudgetPeriod, Run
from operations.registry import Operation
from scheduling import services as schedules
from scheduling.models import Execution, Schedule
from tests.builders import make_job

REASON = "Paused while the vendor is away."
ERROR = "RateLimited: the provider asks us to slow down; try again in 20 s."
BREAKDOWN = {"title": "Write the report", "max_steps": 3}
FINAL = {Run.Status.SUCCESS, Run.Status.FAILED, Run.Status.SKIPPED, Run.Status.CANCELLED}


@dataclass(frozen=True)
class World:
    nightly: Schedule
    paused: Schedule
    by_hand: Schedule
    unused: Schedule
    runs: dict[str, Run]  # one of each status
    job: JobRun


def make_run(owner: User, *, status: str = Run.Status.SUCCESS, **fields: Any) -> Run:
    """Return a saved run that has the times, texts and figures of its status."""
    now = timezone.now()
    is_final = status in FINAL
    has_started = is_final or status == Run.Status.RUNNING
    values: dict[str, Any] = {
        "operation": "task-breakdown",
        "parameters": BREAKDOWN,
        "origin": Run.Origin.MANUAL,
        "created_at": now - timedelta(minutes=2),
        "available_at": now - timedelta(minutes=2),
        "started_at": now - timedelta(minutes=1) if has_started else None,
        "finished_at": now if is_final else None,
    }
    if status == Run.Status.SUCCESS:
        values |= {
            "result": result_of(registry.get("task-breakdown")),
            "provider": "local",
            "model": "rules-1",
            "cost_usd": Decimal("0.0123"),
            "input_tokens": 100,
            "output_tokens": 50,
            "latency_ms": 1_234,
        }
    elif status == Run.Status.FAILED:
        values |= {"error": ERROR}
    elif status in {Run.Status.SKIPPED, Run.Status.CANCELLED}:
        values |= {"reason": "The month's budget is spent."}
    return Run.objects.create(owner=owner, status=status, **{**values, **fields})


def result_of(operation: Operation[Any]) -> dict[str, Any]:
    """Return what the rules answer to the operation's example."""
    assert operation.rules is not None
    given = validation.to_json(operation.parameters.model_validate(operation.example))
    return dict(operation.rules(given))


def make_schedule(owner: User, name: str, **fields: Any) -> Schedule:
    return schedules.create_schedule(
        owner=owner,
        by=owner,
        name=name,
        **{
            "operation": "task-breakdown",
            "type": "cron",
            "expression": "0 6 * * *",
            "zone": "Europe/Berlin",
            "parameters": BREAKDOWN,
            **fields,
        },
    )


@transaction.atomic
def furnish(owner: User) -> World:
    now = timezone.now()
    nightly = make_schedule(owner, "Nightly triage")
    paused = make_schedule(owner, "Weekly digest", expression="*/15 8-18 * * MON-FRI", zone="UTC")
    by_hand = make_schedule(owner, "On demand", type="manual", expression="")
    unused = make_schedule(owner, "Never used", type="manual", expression="")
    for days in range(1, 8):
        at = now - timedelta(days=days)
        status = Run.Status.FAILED if days == 3 else Run.Status.SUCCESS
        run = make_run(owner, status=status, origin=Run.Origin.CRON, created_at=at, finished_at=at)
        Execution.objects.create(schedule=nightly, expected_at=at, triggered_by="cron", run=run)
    Execution.objects.create(
        schedule=nightly,
        expected_at=now - timedelta(days=8),
        triggered_by="cron",
        reason="Still busy.",
    )
    runs = {status: make_run(owner, status=status) for status in Run.Status.values}
    for number, outcome in enumerate((Attempt.Outcome.FAILED, Attempt.Outcome.SUCCESS), 1):
        Attempt.objects.create(
            run=runs["success"],
            number=number,
            provider="openai",
            model="gpt-5",
            outcome=outcome,
            error=ERROR if outcome == Attempt.Outcome.FAILED else "",
            error_code="rate_limited" if outcome == Attempt.Outcome.FAILED else "",
            started_at=now - timedelta(seconds=30),
            finished_at=now,
            latency_ms=900,
        )
    schedules.pause_schedule(paused, by=owner, reason=REASON)
    operations.set_budget(owner=owner, limit_usd=Decimal(10), by=owner)
    budget = Budget.objects.get(owner=owner, operation="")
    BudgetPeriod.objects.create(
        budget=budget, period=f"{now:%Y-%m}", spent_usd=Decimal(9), held_usd=Decimal("0.5")
    )
    job = make_job(
        state=JobRun.State.FAILED,
        error="OperationalError: disk I/O error",
        arguments={"days": 7},
        attempts=5,
        started_at=now,
        finished_at=now,
        duration_ms=812,
    )
    make_job(duration_ms=300, attempts=1, started_at=now, finished_at=now, progress=100)
    make_job(state=JobRun.State.QUEUED, next_attempt_at=now, error="No disk.", attempts=1)
    make_job(state=JobRun.State.RUNNING, progress=40, attempts=1, started_at=now)
    JobStamp.objects.create(name="jobs.clean_up", stamped_at=now)
    return World(nightly, paused, by_hand, unused, runs, job)


def address(name: str, row: Any = None) -> str:
    return reverse(name, args=[row.pk] if row else [])
