"""Schedules for tests: valid, saved, and the same every time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from accounts.models import User
from operations import hooks
from operations.models import Run
from scheduling.models import Schedule

TASKS = {"tasks": [{"id": "1", "title": "Pay the rent"}]}
OPERATION = "task-prioritize"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def make_schedule(
    *,
    owner: User,
    next_at: datetime | None = None,
    expression: str = "0 6 * * *",
    zone: str = "UTC",
    type: str = "cron",  # noqa: A002
    parameters: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Schedule:
    """Return a saved schedule; a cron one is due at `next_at`, counted from the year's begin."""
    is_cron = type == "cron"
    return Schedule.objects.create(
        owner=owner,
        name=fields.pop("name", "Morning tasks"),
        operation=OPERATION,
        type=type,
        expression=expression if is_cron else "",
        zone=zone,
        parameters=TASKS if parameters is None else parameters,
        next_execution_at=(next_at or utc("2026-11-21 06:00")) if is_cron else None,
        counted_from=utc("2026-01-01") if is_cron else None,
        tz_version=fields.pop("tz_version", "test"),
        **fields,
    )


def settle(run: Run, now: datetime, status: str = Run.Status.SUCCESS) -> None:
    """End a run as the engine does, with its news to those who follow it."""
    run.status = status
    run.finished_at = now
    run.save()
    news = hooks.SettledRun(
        id=run.pk,
        owner_id=run.owner_id,
        operation=run.operation,
        origin=run.origin,
        status=run.status,
        reason=run.reason,
        error=run.error,
        cost_usd=run.cost_usd,
        finished_at=now,
    )
    hooks.settled([news], now)
