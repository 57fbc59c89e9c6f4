"""What people do to schedules. Firing them is the engine's part: `firing.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import services as audit
from core.errors import DomainError
from core.ids import uuid7_from
from operations import registry
from operations import services as operations
from operations.models import Run
from scheduling import firing, meanwhile, policies
from scheduling.models import Execution, Schedule
from scheduling.policies import Busy

if TYPE_CHECKING:
    from accounts.models import User

CHANGEABLE = tuple(meanwhile.FIELDS)
CADENCE = ("expression", "zone", "gap", "overlap")  # what the next fire is computed from
TOLD = ("name", "operation", "type", "expression", "zone", "gap", "overlap", "priority")


class NotPossible(DomainError):
    """The schedule does not allow that."""


@transaction.atomic
def create_schedule(
    *,
    owner: User,
    by: User | None,
    operation: str,
    type: str,  # noqa: A002  the word of the table and of `--type`
    expression: str = "",
    zone: str = "",
    gap: str = Schedule.Gap.FIRST_VALID,
    overlap: str = Schedule.Overlap.FIRST,
    parameters: Mapping[str, Any] | None = None,
    name: str = "",
    priority: int = 5,
    token: UUID | None = None,
) -> Schedule:
    """Save a schedule and plan its first fire; the zone is the owner's unless given.

    `token` names a form: what is sent by it a second time, with the same words, is the schedule
    there is already. A click sent twice does not spend twice, month after month.

    Raises `ValidationError` by field.
    """
    now = timezone.now()
    schedule = Schedule(
        owner=owner,
        operation=operation,
        type=type,
        expression=expression,
        zone=zone or owner.zone,
        gap=gap,
        overlap=overlap,
        parameters={} if parameters is None else parameters,
        name=name or _name(operation, type, expression),
        priority=priority,
        created_at=now,
    )
    if token is not None:
        schedule.pk = _once(token, schedule)
        if earlier := _current(schedule):
            return earlier
    validate(schedule, now=now)
    try:
        with transaction.atomic():
            schedule.save(force_insert=True)
    except IntegrityError:  # the same click, in another process, a moment ago
        if earlier := _current(schedule):
            return earlier
        raise
    audit.record("schedule.created", target=schedule, by=by, after=_told(schedule))
    return schedule


def _once(token: UUID, schedule: Schedule) -> UUID:
    """Return the id of what a form and all it says come to; of one deleted since, a new one."""
    told = [str(schedule.owner_id), {**_told(schedule), "parameters": schedule.parameters}]
    id_ = uuid7_from(token, json.dumps(told, sort_keys=True, default=str))
    return schedule.pk if Schedule.objects.filter(pk=id_, archived_at__isnull=False) else id_


def _current(schedule: Schedule) -> Schedule | None:
    return Schedule.objects.current().filter(pk=schedule.pk, owner=schedule.owner).first()


def validate(schedule: Schedule, *, now: datetime) -> None:
    """Check all that is asked of a schedule, and plan its next fire from `now`, in memory.

    Raises `ValidationError` by field. The form of the admin asks the same.
    """
    schedule.full_clean(validate_constraints=False)  # the next fire is not planned yet
    _plan(schedule, now)


def _plan(schedule: Schedule, now: datetime) -> None:
    schedule.check_interval(now)
    schedule.plan(now)


@transaction.atomic
def change_schedule(
    schedule: Schedule, *, by: User | None, mark: str = "", **changes: Any
) -> Schedule:
    """Set some of `CHANGEABLE`; a new cadence plans the next fire anew.

    A fire that is due already happens first, as the schedule was. `mark` (`meanwhile.mark_of`) says
    what the changes were made from. Raises `ValidationError`, and `meanwhile.ChangedMeanwhile`
    where they would undo what somebody else has saved since.
    """
    unknown = changes.keys() - set(CHANGEABLE)
    if unknown:
        raise TypeError(f"{', '.join(sorted(unknown))} cannot be changed")
    schedule = _lock(schedule)
    _refuse_archived(schedule)
    meanwhile.refuse_changed(schedule, mark, changes)
    now = timezone.now()
    firing.answer_due(schedule, now)
    before = _told(schedule)
    for field, value in changes.items():
        setattr(schedule, field, value)
    schedule.full_clean(validate_constraints=False)
    if any(getattr(schedule, field) != before[field] for field in CADENCE):
        _plan(schedule, now)
    schedule.save()
    audit.record("schedule.changed", target=schedule, by=by, before=before, after=_told(schedule))
    return schedule


@transaction.atomic
def pause_schedule(schedule: Schedule, *, by: User | None, reason: str) -> Schedule:
    """Stop firing, and keep why. A fire that is due already is skipped with the same reason."""
    reason = reason.strip()
    if not reason:
        raise NotPossible("Say why: a pause needs a reason, which is kept and shown.")
    schedule = _lock(schedule)
    _refuse_archived(schedule)
    if not schedule.enabled:
        raise NotPossible(f"“{schedule}” is paused already: {schedule.pause_reason}")
    now = timezone.now()
    firing.answer_due(schedule, now, refusal=f"Paused as this fire was due: {reason}")
    schedule.enabled = False
    schedule.pause_reason = reason
    schedule.plan(now)
    schedule.save()
    audit.record("schedule.paused", target=schedule, by=by, after={"reason": reason})
    return schedule


@transaction.atomic
def change_pause_reason(schedule: Schedule, *, by: User | None, reason: str) -> Schedule:
    """Say better why a schedule is paused."""
    reason = reason.strip()
    if not reason:
        raise NotPossible("Say why: a pause needs a reason, which is kept and shown.")
    schedule = _lock(schedule)
    _refuse_archived(schedule)
    if schedule.enabled:
        raise NotPossible(f"“{schedule}” is not paused.")
    before = {"reason": schedule.pause_reason}
    schedule.pause_reason = reason
    schedule.save(update_fields=["pause_reason"])
    audit.record(
        "schedule.pause_reason_changed",
        target=schedule,
        by=by,
        before=before,
        after={"reason": reason},
    )
    return schedule


@transaction.atomic
def resume_schedule(schedule: Schedule, *, by: User | None) -> Schedule:
    """Fire again, from now on: what was due during the pause is not made up for."""
    now = timezone.now()
    schedule = _lock(schedule)
    _refuse_archived(schedule)
    if schedule.enabled:
        raise NotPossible(f"“{schedule}” is not paused.")
    before = {"reason": schedule.pause_reason}
    schedule.enabled = True
    schedule.pause_reason = ""
    validate(schedule, now=now)
    schedule.save()
    audit.record("schedule.resumed", target=schedule, by=by, before=before)
    return schedule


@transaction.atomic
def run_now(schedule: Schedule, *, by: User | None) -> Execution:
    """Start a run by hand, also while paused; skipped, with the reason, while another runs.

    Raises `DomainError` where the run is not accepted.
    """
    schedule = _lock(schedule)
    _refuse_archived(schedule)
    now = timezone.now()
    execution = Execution(
        schedule=schedule,
        expected_at=now,
        triggered_by=Execution.Trigger.MANUAL,
        created_at=now,
    )
    (decision,) = policies.decide(
        policies.only(now), now=now, zone=schedule.zone, busy=_busy(schedule)
    )
    if decision.is_fire:
        forecast = operations.estimate_of(
            owner=schedule.owner, operation=schedule.operation, parameters=schedule.parameters
        )
        if forecast.refusal:  # a person can be told at once
            raise operations.NotSubmitted(forecast.refusal)
        execution.run = operations.submit(
            owner=schedule.owner,
            operation=schedule.operation,
            parameters=schedule.parameters,
            origin=Run.Origin.MANUAL,
            priority=schedule.priority,
        )
    else:
        execution.reason = decision.reason
    execution.save(force_insert=True)
    if decision.is_fire:
        schedule.running_execution = execution
        schedule.running_since = schedule.last_execution_at = now
        schedule.execution_count += 1
        schedule.save()
    audit.record(
        "schedule.run_by_hand",
        target=schedule,
        by=by,
        after={"execution": str(execution.pk), "status": execution.status},
    )
    return execution


@transaction.atomic
def delete_schedule(schedule: Schedule, *, by: User | None, confirmed: bool = False) -> bool:
    """Delete a schedule that has never fired, and return True; archive any other, once confirmed.

    Executions and runs stay: an archived schedule is out of every list and never fires again. A
    fire that is due already is skipped with that reason; one of a deleted schedule goes with it.
    """
    schedule = _lock(schedule)
    _refuse_archived(schedule)
    told = _told(schedule)
    count = schedule.executions.count()
    if count == 0:
        audit.record("schedule.deleted", target=schedule, by=by, before=told)
        schedule.delete()
        return True
    if not confirmed:
        raise NotPossible(
            f"“{schedule}” has {count:,} executions. Confirm (--yes) to archive it: it will never "
            "fire again, and its history stays."
        )
    now = timezone.now()
    firing.answer_due(schedule, now, refusal="Archived as this fire was due.")
    schedule.enabled = False
    schedule.pause_reason = schedule.pause_reason or "Archived."
    schedule.archived_at = now
    schedule.plan(now)
    schedule.save()
    audit.record("schedule.archived", target=schedule, by=by, before=told)
    return False


def _lock(schedule: Schedule) -> Schedule:
    """Return the row as it is now, locked: a loop may be firing it."""
    row = Schedule.objects.select_for_update().filter(pk=schedule.pk).first()
    if row is None:
        raise NotPossible(f"“{schedule}” was deleted meanwhile.")
    return row


def _refuse_archived(schedule: Schedule) -> None:
    if schedule.is_archived:
        raise NotPossible(f"“{schedule}” is archived; create a new schedule instead.")


def _busy(schedule: Schedule) -> Busy | None:
    execution = schedule.running_execution
    if execution is None or schedule.running_since is None:
        return None
    return Busy(execution.expected_at, str(execution.run_id), schedule.running_since)


def _name(operation: str, type_: str, expression: str) -> str:
    """Return a name for a schedule that was given none."""
    try:
        title = registry.get(operation).title
    except registry.UnknownOperation:
        title = operation[:60]  # validation names the problem
    return f"{title}, {expression if type_ == Schedule.Type.CRON else 'by hand'}"[:120]


def _told(schedule: Schedule) -> dict[str, Any]:
    return {field: getattr(schedule, field) for field in TOLD} | {
        "next_execution_at": schedule.next_execution_at
    }
