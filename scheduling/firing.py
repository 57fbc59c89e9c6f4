"""Fires what is due. Every engine loop does, on every host; the database decides who was first."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from audit import services as audit
from core import sql
from core.ids import uuid7
from operations import services as operations
from operations.hooks import SettledRun
from operations.models import Run
from operations.services import RunDraft
from preferences import services as preferences
from preferences.services import OperationChoice
from scheduling import policies
from scheduling.cadence import Gap, InvalidCron, Overlap
from scheduling.models import (
    NO_FURTHER_FIRE,
    NOT_COMPUTED,
    OPERATION_OFF,
    Execution,
    Schedule,
    ScheduleQuerySet,
)
from scheduling.policies import Busy, Cadence, Decision, Expected
from scheduling.zones import tz_version

logger = logging.getLogger(__name__)

AT_ONCE = sql.CHUNK  # schedules a transaction: one statement a table, and loops share the work
LONGEST_TICK_S = 1.0  # then the loop looks after its beat and its calls, and comes back at once
NEAR = timedelta(seconds=1)  # the engine asks four times a second
ORIGINS = frozenset({Run.Origin.CRON, Run.Origin.MANUAL, Run.Origin.WEBHOOK, Run.Origin.BACKFILL})


def fire_due(now: datetime) -> datetime | None:
    """Start a run for each schedule that is due, or write down why not; return the next fire.

    Called in autocommit, with `now` by the database's clock. A schedule that another loop has in
    hand is left to it. None when nothing is near. After `LONGEST_TICK_S` the rest is left for the
    next call, which the moment returned asks for at once: it has come already.
    """
    if not _is_near(now):
        return None
    end_s = time.monotonic() + LONGEST_TICK_S
    coming = _next_fire()
    while coming is not None and coming <= now:
        with transaction.atomic():
            sql.steady()
            count = _fire_some(now)
        if count == 0:  # others have all that is due in hand
            return None
        coming = _next_fire()
        if time.monotonic() >= end_s:
            break
    return coming


def answer_due(schedule: Schedule, now: datetime, *, refusal: str = "") -> None:
    """Fire `schedule` if it is due, or write `refusal` as the reason why it did not.

    For what moves or ends its next fire: none that is due may go without an answer. The caller
    holds the row's lock; the instance then says what the row says.
    """
    rows = _read(Schedule.objects.due(now).filter(pk=schedule.pk))
    if rows:
        _answer(rows, now, refusal=refusal)
        schedule.refresh_from_db()


def _is_near(now: datetime) -> bool:
    """Say whether a fire is due, or will be before this is asked again. A plain look."""
    return sql.has_row(
        f"SELECT 1 FROM {sql.table(Schedule)} WHERE enabled"
        f" AND next_execution_at <= {sql.literal(now + NEAR)} LIMIT 1"
    )


def _next_fire() -> datetime | None:
    planned = Schedule.objects.planned().order_by("next_execution_at")
    return planned.values_list("next_execution_at", flat=True).first()


def release_settled(runs: Sequence[SettledRun], now: datetime) -> None:
    """Let schedules whose run has ended fire again; part of the settling transaction."""
    ids = [run.id for run in runs if run.origin in ORIGINS]
    if not ids:
        return
    among, keys = sql.among("run_id", "uuid", ids)
    ended = f"(SELECT id FROM {sql.table(Execution)} WHERE {among})"
    # By the execution, not by the schedule: it may have moved on to a newer one meanwhile. Joined,
    # PostgreSQL reads all schedules where statistics are old; an array it looks up in the index.
    is_ended = f"= ANY(ARRAY{ended})" if sql.is_postgresql() else f"IN {ended}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {sql.table(Schedule)} SET running_execution_id = NULL, running_since = NULL"
            f" WHERE running_execution_id {is_ended}",
            keys,
        )


def replan_outdated(now: datetime) -> int:
    """Recompute the next fires that were computed by another tz database; return how many.

    A fire that the new rules put before `now` is due at once; one that was due already stays so.
    """
    total = 0
    while True:
        with transaction.atomic():
            rows = _locked(Schedule.objects.outdated().filter(next_execution_at__gt=now))
            _write_moves([_replanned(row) for row in rows], now)
        total += len(rows)
        if len(rows) < AT_ONCE:
            return total


def replan_in_worker() -> None:
    """Called as each worker process starts: that is when it reads the rules for clocks."""
    count = replan_outdated(timezone.now())
    if count:
        logger.info("Recomputed %d next fires by the tz database %s", count, tz_version())


class _Row(NamedTuple):
    """What firing reads of a schedule: a third of the time that model instances take."""

    id: UUID
    owner_id: UUID
    operation: str
    parameters: dict[str, Any]
    priority: int
    expression: str
    zone: str
    gap: Gap
    overlap: Overlap
    next_execution_at: datetime
    counted_from: datetime
    last_execution_at: datetime | None
    running_execution_id: UUID | None
    running_since: datetime | None

    @property
    def cadence(self) -> Cadence:
        return Cadence(self.expression, self.zone, self.gap, self.overlap)


@dataclass(slots=True)
class _Move:
    """What a schedule's row is to say. Without `next` it is paused, for `pause_reason`."""

    row: _Row
    next: datetime | None
    counted_from: datetime
    pause_reason: str = ""
    fired: _Fire | None = None


@dataclass(frozen=True, slots=True)
class _Fire:
    """An execution to be written, and the run that comes with it, if one does."""

    id: UUID
    schedule_id: UUID
    decision: Decision
    run: RunDraft | None


def _locked(schedules: ScheduleQuerySet) -> list[_Row]:
    rows = schedules.order_by("next_execution_at").select_for_update(skip_locked=True)
    return _read(rows[:AT_ONCE])


def _read(schedules: ScheduleQuerySet) -> list[_Row]:
    return [_Row(*values) for values in schedules.values_list(*_Row._fields)]


def _replanned(row: _Row) -> _Move:
    try:
        coming = row.cadence.next_after(row.counted_from)
    except InvalidCron as error:
        return _broken(row, error)
    return _Move(row, coming, row.counted_from, "" if coming else NO_FURTHER_FIRE)


def _broken(row: _Row, error: Exception) -> _Move:
    return _Move(row, None, row.counted_from, f"{NOT_COMPUTED}{error}")


def _fire_some(now: datetime) -> int:
    due = _locked(Schedule.objects.due(now))
    _answer(due, now)
    return len(due)


def _answer(due: Sequence[_Row], now: datetime, *, refusal: str = "") -> None:
    """Give each fire that has come an execution, and each of the locked rows its next fire."""
    running = _running(due, now)
    choices = preferences.lookup_many((row.owner_id, row.operation) for row in due)
    known: dict[tuple[Cadence, datetime], Expected] = {}  # many share expression and moment
    fires: list[_Fire] = []
    moves: list[_Move] = []
    for row in due:
        key = (row.cadence, row.next_execution_at)
        try:
            if key not in known:
                known[key] = policies.expected(*key, now)
        except Exception as error:
            logger.warning("Schedule %s cannot be computed", row.id, exc_info=error)
            moves.append(_broken(row, error))
            continue
        coming, choice = known[key], choices[row.owner_id, row.operation]
        decided = policies.decide(
            coming,
            now=now,
            zone=row.zone,
            busy=running.get(row.running_execution_id),
            refusal=refusal or _refusal(row, choice),
        )
        fires += [_fire(row, decision, choice) for decision in decided]
        reason = "" if coming.next else NO_FURTHER_FIRE
        moves.append(_Move(row, coming.next, coming.latest, reason))
    started = _write_fires(fires, now)
    for move in moves:
        move.fired = started.get(move.row.id)
    _write_moves(moves, now)


def _refusal(row: _Row, choice: OperationChoice) -> str:
    return "" if choice.enabled else f"{row.operation}{OPERATION_OFF}"


def _running(due: Iterable[_Row], now: datetime) -> dict[UUID | None, Busy]:
    """Return what keeps schedules from firing, by its execution."""
    blocking = (row for row in due if policies.blocks(row.running_since, now))
    ids = [row.running_execution_id for row in blocking if row.running_execution_id]
    if not ids:
        return {}
    return {
        each.pk: Busy(each.expected_at, str(each.run_id), each.created_at)
        for each in Execution.objects.filter(pk__in=ids)
    }


def _fire(row: _Row, decision: Decision, choice: OperationChoice) -> _Fire:
    run = None
    if decision.is_fire:
        run = RunDraft(
            id=uuid7(),
            owner_id=row.owner_id,
            operation=row.operation,
            parameters={**choice.parameters, **row.parameters},
            origin=Run.Origin.CRON,
            priority=row.priority,
        )
    return _Fire(uuid7(), row.id, decision, run)


def _write_fires(fires: Sequence[_Fire], now: datetime) -> dict[UUID, _Fire]:
    """Write executions and their runs; return the fires that started one, by schedule.

    Executions go first: where one is there already, by the unique key, nothing is started.
    """
    written = sql.insert_rows(
        Execution,
        ["id", "schedule_id", "expected_at", "triggered_by", "run_id", "reason", "created_at"],
        [
            (
                fire.id,
                fire.schedule_id,
                fire.decision.expected_at,
                Execution.Trigger.CRON,
                fire.run.id if fire.run else None,
                fire.decision.reason,
                now,
            )
            for fire in fires
        ],
        on_conflict="ON CONFLICT DO NOTHING",
        returning="id",
    )
    ids = {row[0] for row in sql.read_rows(Execution, ("id",), written)}
    started = {fire.schedule_id: fire for fire in fires if fire.run and fire.id in ids}
    operations.submit_many([fire.run for fire in started.values() if fire.run], now)
    return started


_MOVED = [
    "next_execution_at",
    "counted_from",
    "tz_version",
    "enabled",
    "pause_reason",
    "last_execution_at",
    "running_execution_id",
    "running_since",
]


def _write_moves(moves: Sequence[_Move], now: datetime) -> None:
    sql.update_rows(
        Schedule, ["id"], _MOVED, [_moved(move, now) for move in moves], add=["execution_count"]
    )
    paused = {move.row.id: move.pause_reason for move in moves if move.next is None}
    # In the order of owners: each has an audit chain, locked until this transaction ends.
    rows = Schedule.objects.filter(pk__in=paused).order_by("owner", "pk")
    for schedule in rows if paused else ():
        after = {"reason": paused[schedule.pk]}
        audit.record("schedule.paused", target=schedule, by=None, after=after)


def _moved(move: _Move, now: datetime) -> tuple[Any, ...]:
    row, fired = move.row, move.fired
    return (
        row.id,
        move.next,
        move.counted_from,
        tz_version(),
        move.next is not None,
        move.pause_reason,
        fired.decision.expected_at if fired else row.last_execution_at,
        fired.id if fired else row.running_execution_id,
        now if fired else row.running_since,
        1 if fired else 0,
    )
