"""Who is alive: beats, and taking back the runs of those who are not."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now
from django.utils import timezone

from core import sql
from core.ids import uuid7
from core.money import to_nanos
from operations.engine import planning
from operations.engine.booking import release_holds
from operations.engine.flight import Final, Flight
from operations.engine.settling import settle
from operations.gate import Books
from operations.models import Attempt, EngineWorker, Hold, Run

logger = logging.getLogger(__name__)

BEAT_S = 5.0
PATIENCE_S = 2 * BEAT_S  # of health before judging others: by then, all who live have beaten
MOST_DEATHS = 2  # a run that was in flight at so many deaths may well be their cause
REAP_AT_MOST = 500


def database_now() -> datetime:
    """Return the database's clock, which alone decides what is due and who is silent."""
    if not sql.is_postgresql():
        return timezone.now()  # SQLite's clock is this machine's
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


class Lease:
    """This process's row among the workers. Without it, it owns nothing."""

    def __init__(self, *, slots: int, kind: str = "worker") -> None:
        self.slots = slots
        self.kind = kind
        self.worker_id = uuid7()
        self._beat_s: float | None = None  # None: no row of ours yet
        self._healthy_since_s: float | None = None

    def beat(self, in_flight: int) -> None:
        """Say that we are alive. Where others had given us up, we are someone new from now on.

        What we had in flight then fails its fence, call by call: refused as a result, booked as a
        cost.
        """
        begun = time.monotonic()
        if self._beat_s is None:
            self._register(in_flight)
            kept = True
        else:
            rows = EngineWorker.objects.filter(pk=self.worker_id)
            kept = rows.update(beat_at=Now(), in_flight=in_flight) == 1
            if not kept:
                logger.warning("This worker was silent for too long and lost its runs")
                self.worker_id = uuid7()
                self._register(in_flight)
        # By the end of the beat: when it hung, the database did, and everyone was silent with us.
        ended = time.monotonic()
        is_late = self._beat_s is None or ended - self._beat_s > 2 * BEAT_S
        if self._healthy_since_s is None or is_late or not kept:
            self._healthy_since_s = ended
        self._beat_s = begun

    def _register(self, in_flight: int) -> None:
        EngineWorker.objects.create(
            id=self.worker_id,
            host=socket.gethostname(),
            pid=os.getpid(),
            kind=self.kind,
            slots=self.slots,
            in_flight=in_flight,
        )

    @property
    def is_due(self) -> bool:
        return self._beat_s is None or time.monotonic() - self._beat_s >= BEAT_S

    @property
    def may_reap(self) -> bool:
        """After an outage everyone looks dead; judge others only after health of our own."""
        since = self._healthy_since_s
        return since is not None and time.monotonic() - since >= PATIENCE_S

    def fell_ill(self) -> None:
        """Note a fault of our own: we may have been silent, so we cannot judge others' silence."""
        self._healthy_since_s = None

    def end(self) -> None:
        EngineWorker.objects.filter(pk=self.worker_id).delete()


def has_dead(now: datetime) -> bool:
    """Say whether a worker has been silent for too long, or a run has none. A plain look."""
    heard_since = sql.literal(now - EngineWorker.SILENCE)
    workers, runs = sql.table(EngineWorker), sql.table(Run)
    return sql.has_row(
        f"SELECT 1 FROM {workers} WHERE beat_at < {heard_since} UNION ALL SELECT 1 FROM {runs} r"
        f" WHERE r.status = 'running' AND NOT EXISTS"
        f" (SELECT 1 FROM {workers} w WHERE w.id = r.worker_id) LIMIT 1"
    )


def reap() -> int:
    """Take back the runs of workers that have been silent for too long; return how many.

    Each goes back to pending, or fails after its second death. Its open call is booked at its
    ceiling as unknown: it may be on the vendor's bill.
    """
    with transaction.atomic():
        sql.steady()
        dead = EngineWorker.objects.filter(beat_at__lt=Now() - EngineWorker.SILENCE)
        alive = EngineWorker.objects.filter(
            pk=OuterRef("worker_id"), beat_at__gte=Now() - EngineWorker.SILENCE
        )
        orphans = Run.objects.running().exclude(Exists(alive))
        if not orphans.exists():
            dead.delete()
            return 0
        rows = list(
            orphans.order_by("id").select_for_update(skip_locked=True, of=("self",))[:REAP_AT_MOST]
        )
        take_back(rows, database_now(), has_died=True)
        return len(rows)


def take_back(runs: Sequence[Run], now: datetime, *, has_died: bool, was_sent: bool = True) -> None:
    """Return locked `runs` to the queue, booking their open calls as unknown.

    `was_sent=False` when it is certain that the open calls never left: then they cost nothing.
    """
    ids = [run.pk for run in runs]
    holds = {hold.run_id: hold for hold in Hold.objects.filter(run__in=ids)}
    open_calls = {
        attempt.run_id: attempt
        for attempt in Attempt.objects.filter(run__in=ids, outcome=Attempt.Outcome.CALLING)
    }
    books = Books(period for hold in holds.values() for period in hold.period_ids)
    for run_id, hold in holds.items():
        held = to_nanos(hold.amount_usd)
        is_billed = was_sent and run_id in open_calls
        books.settle(tuple(hold.period_ids), held=held, booked=held if is_billed else 0)
    books.save()
    release_holds(list(holds))
    if open_calls:
        sql.update_rows(
            Attempt,
            ["id"],
            ["outcome", "error_code", "error", "finished_at", "booked_usd", "cost_usd"],
            [_end_of(attempt, now, was_sent=was_sent) for attempt in open_calls.values()],
        )
    doomed = [run for run in runs if has_died and run.deaths + 1 >= MOST_DEATHS]
    spared = [run for run in runs if not (has_died and run.deaths + 1 >= MOST_DEATHS)]
    if spared:
        sql.update_rows(
            Run,
            ["id"],
            ["status", "available_at", "worker_id", "deaths"],
            [(run.pk, Run.Status.PENDING, now, None, run.deaths + int(has_died)) for run in spared],
        )
    settle([_death_of(run) for run in doomed], now)


def _end_of(attempt: Attempt, now: datetime, *, was_sent: bool) -> tuple[object, ...]:
    if not was_sent:
        why = "The database was lost before the request was sent."
        return attempt.pk, Attempt.Outcome.FAILED, "not_sent", why, now, Decimal(0), Decimal(0)
    why = "The worker was lost during the call; the provider may have billed it."
    return (
        attempt.pk,
        Attempt.Outcome.UNKNOWN,
        "worker_lost",
        why,
        now,
        attempt.ceiling_usd,
        None,
    )


def _death_of(run: Run) -> Final:
    flight = Flight(
        run_id=run.pk,
        owner_id=run.owner_id,
        origin=run.origin,
        claims=run.claims,
        operation=run.operation,
        created_at=run.created_at,
        started_s=time.monotonic(),
    )
    planning.recall_attempts([flight])
    return Final(
        flight,
        Run.Status.FAILED,
        error=f"worker died: its worker was lost {MOST_DEATHS} times while running it.",
    )


def give_back(worker_id: UUID, *, but: Collection[UUID] = (), was_sent: bool = True) -> int:
    """Return the runs of `worker_id` to the queue, all but some; return how many.

    A worker calls it when it stops; and after a fault, for runs that a commit gave to it without
    its knowing (`was_sent=False`).
    """
    with transaction.atomic():
        mine = Run.objects.running().filter(worker_id=worker_id).order_by("id")
        rows = [run for run in mine.select_for_update() if run.pk not in but]
        take_back(rows, database_now(), has_died=False, was_sent=was_sent)
        return len(rows)
