"""Rows for tests: valid, saved, and the same every time."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Model
from django.utils import timezone

from accounts.models import User
from audit import services as audit
from audit.models import AuditStream
from core.models import StoredSecret
from jobs.models import JobRun
from operations.models import Attempt, Budget, BudgetPeriod, Hold, Run, Usage
from preferences.models import OperationPreference, ThemePreference
from scheduling.models import Execution, Schedule, WebhookEvent

PASSWORD = "correct-horse-battery"


def make_user(
    username: str = "alice",
    *,
    role: User.Role = User.Role.USER,
    zone: str = "UTC",
    is_superuser: bool = False,
    password: str = PASSWORD,
) -> User:
    user = User(username=username, role=role, zone=zone, is_superuser=is_superuser)
    user.set_password(password)
    user.save()
    return user


def make_job(
    name: str = "jobs.clean_up", state: JobRun.State = JobRun.State.SUCCESS, **fields: Any
) -> JobRun:
    """Return a saved job that is on no queue."""
    return JobRun.objects.create(name=name, state=state, **{"created_at": timezone.now(), **fields})


def rows_with_pages(owner: User) -> dict[str, Model]:
    """Return a row of `owner` for every address that takes an id, by the address's name.

    `tests/core/test_doors.py` visits each as a stranger, and asks for one where it is missing.
    """
    schedule = Schedule.objects.create(
        owner=owner, name="By hand", operation="task-breakdown", type="manual", zone="UTC"
    )
    verbs = ("show", "edit", "toggle", "run", "delete")
    webhook = Schedule.objects.create(
        owner=owner,
        name="Called",
        operation="task-breakdown",
        type="webhook",
        dialect="standard",
        zone="UTC",
    )
    event = WebhookEvent.objects.create(
        schedule=webhook,
        received_at=timezone.now(),
        verdict="refused",
        code="unsigned",
        reason="It has no signature of this dialect.",
        is_verified=False,
        status=401,
        size=2,
    )
    return {f"{verb}_schedule": schedule for verb in verbs} | {
        "show_webhook": webhook,
        "rotate_webhook": webhook,
        "revoke_old_secret": webhook,
        "test_webhook": webhook,
        "show_webhook_event": event,
        "replay_webhook_event": event,
        "receive_webhook": schedule,  # these take any text
        "receive_webhook_bare": schedule,
        "show_accent": owner,  # it takes a colour, which no id is
        "edit_parameters": owner,  # the name of an operation
        "try_operation": owner,  # these take the name of an operation, which no id is
        "estimate_operation": owner,
        "preview_parameters": owner,
        "export_executions": schedule,
        "show_job": make_job(),
        "show_run": (run := make_run(owner)),
        "cancel_run": run,
    }


def make_run(owner: User, **more: Any) -> Run:
    """Return a run of `owner`, pending unless told otherwise; one that has ended has its end."""
    now = timezone.now()
    values: dict[str, Any] = {
        "operation": "task-breakdown",
        "parameters": {"title": "Write the report", "max_steps": 3},
        "origin": Run.Origin.MANUAL,
        "created_at": now,
    }
    values |= more
    if values.get("status") in Run.FINAL:
        values = {"started_at": now, "finished_at": now} | values
    return Run.objects.create(owner=owner, **values)


def rows_of(owner: User) -> list[Model]:
    """Return one row of `owner` from every table that has owners, also where a parent has it."""
    now = timezone.now()
    run = Run.objects.create(owner=owner, operation="task-breakdown", origin=Run.Origin.COMMAND)
    budget = Budget.objects.create(
        owner=owner, scope=Budget.Scope.TOTAL, operation="", limit_usd=Decimal(5)
    )
    schedule = Schedule.objects.create(
        owner=owner, name="By hand", operation="task-breakdown", type="manual", zone="UTC"
    )
    event = audit.record("thing.made", target="thing:1", by=owner, after={"name": "x"})
    return [
        run,
        Attempt.objects.create(run=run, number=1, provider="local", model="r", started_at=now),
        budget,
        BudgetPeriod.objects.create(budget=budget, period="2026-11"),
        Hold.objects.create(run=run, amount_usd=Decimal(1), period_ids=[]),
        Usage.objects.create(
            owner=owner,
            hour=datetime(2026, 11, 21, tzinfo=UTC),
            operation="task-breakdown",
            origin=Run.Origin.COMMAND,
        ),
        schedule,
        Execution.objects.create(
            schedule=schedule, expected_at=now, triggered_by="manual", reason="Busy."
        ),
        WebhookEvent.objects.create(
            schedule=schedule,
            received_at=now,
            verdict="refused",
            is_verified=False,
            code="not_webhook",
            reason="This schedule is not started by webhooks.",
            status=401,
            size=2,
        ),
        OperationPreference.objects.create(owner=owner, operation="email-compose", updated_at=now),
        ThemePreference.objects.create(owner=owner, updated_at=now),
        StoredSecret.objects.create(owner=owner, name="hook", version=1, token="-"),
        event,
        event.detail,
        AuditStream.objects.get(name=event.stream),
    ]
