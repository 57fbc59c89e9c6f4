"""Starts a run that no cadence has foreseen: by hand, or by a webhook."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core import sql
from core.ids import uuid7
from operations import registry, validation
from operations import services as operations
from operations.models import Run
from preferences import services as preferences
from scheduling import policies
from scheduling.models import Execution, Schedule
from scheduling.policies import Busy

_COLUMNS = (
    "id",
    "schedule_id",
    "expected_at",
    "triggered_by",
    "run_id",
    "reason",
    "created_at",
)


def is_busy(schedule: Schedule, now: datetime) -> bool:
    """Say whether a fire would be skipped now; the row may be older than the question."""
    return schedule.running_execution_id is not None and policies.blocks(
        schedule.running_since, now
    )


def trigger(
    schedule: Schedule,
    *,
    by: Execution.Trigger,
    origin: Run.Origin,
    parameters: Mapping[str, Any],
    now: datetime,
    key: UUID | None = None,
) -> Execution:
    """Start a run, or write down why not, in the caller's transaction.

    `key` is what the execution's id shall be. The caller holds the row's lock, unless the schedule
    is busy: what is skipped moves nothing. Raises `DomainError` where the run is not accepted, one
    to be skipped included: what is wrong with its parameters is worth knowing then, too.
    """
    (decision,) = policies.decide(
        policies.only(now), now=now, zone=schedule.zone, busy=_busy(schedule, now)
    )
    if not decision.is_fire:
        _check(schedule, parameters)
        return skip(schedule, by=by, reason=decision.reason, now=now, key=key)
    execution = _execution(schedule, by, now, key)
    execution.run = operations.submit(
        owner=schedule.owner,
        operation=schedule.operation,
        parameters=parameters,
        origin=origin,
        priority=schedule.priority,
    )
    _insert(execution)
    schedule.running_execution = execution
    schedule.running_since = schedule.last_execution_at = now
    schedule.execution_count += 1
    schedule.save(
        update_fields=[
            "running_execution",
            "running_since",
            "last_execution_at",
            "execution_count",
        ]
    )
    return execution


def skip(
    schedule: Schedule,
    *,
    by: Execution.Trigger,
    reason: str,
    now: datetime,
    key: UUID | None = None,
) -> Execution:
    """Write down why a fire starts no run."""
    execution = _execution(schedule, by, now, key)
    execution.reason = reason
    _insert(execution)
    return execution


def _execution(
    schedule: Schedule, by: Execution.Trigger, now: datetime, key: UUID | None
) -> Execution:
    return Execution(
        id=key or uuid7(), schedule=schedule, expected_at=now, triggered_by=by, created_at=now
    )


def _check(schedule: Schedule, parameters: Mapping[str, Any]) -> None:
    """Raise `InvalidParameters` unless a run with these would be accepted."""
    defaults = preferences.lookup(schedule.owner_id, schedule.operation).parameters
    validation.parse(registry.get(schedule.operation), {**defaults, **parameters})


def _busy(schedule: Schedule, now: datetime) -> Busy | None:
    execution = schedule.running_execution if is_busy(schedule, now) else None
    if execution is None or schedule.running_since is None:
        return None
    return Busy(execution.expected_at, str(execution.run_id), schedule.running_since)


def _insert(execution: Execution) -> None:
    """Write `execution`; where its moment is taken, at the next microsecond that is free."""
    while True:
        written = sql.insert_rows(
            Execution,
            _COLUMNS,
            [tuple(getattr(execution, name) for name in _COLUMNS)],
            on_conflict="ON CONFLICT DO NOTHING",
            returning="id",
        )
        if written:
            return
        execution.expected_at += timedelta(microseconds=1)
