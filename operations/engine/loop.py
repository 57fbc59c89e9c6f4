"""The engine loop: one a worker process, in a plain thread that owns its database connection.

    collect ended calls → fire what is due → beat and reap → settle and claim → hand over calls

Any number may run, on any number of hosts. They know each other only by their rows.
"""

from __future__ import annotations

import heapq
import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from operations import circuits, hooks
from operations.engine import lease as leases
from operations.engine import planning, queue
from operations.engine.calls import Calls, Unstorable
from operations.engine.flight import Call, Ended, Flight
from operations.engine.lease import Lease
from operations.engine.turn import MONEY_LOOK_S, Result, Turn
from operations.gate import PeriodGone
from operations.models import ProviderState, Run
from providers import catalogue

logger = logging.getLogger(__name__)

POLL_S = 0.1  # a run that is submitted to an idle engine starts within this
TICK_S = 0.25
REAP_S = 1.0
STATES_S = 0.25
ESTIMATING_S = 0.1
GRACE_S = 25.0  # a stopping worker gives its calls so long; containers should give it 40
LANDING_S = 5.0  # and then takes so long to settle, give back and sign off
IDLE_IN_TRANSACTION = "25P03"
CLOCK_WITHIN_S = 1.0  # an answer that took longer, from a database that hung, tells no time
LONGEST_PAUSE_S = 2.0  # between tries while the database is away
SOON = timedelta(seconds=MONEY_LOOK_S)  # `drain` waits for runs whose budget has room again by then
MOST_SLOTS = 200  # beyond it the HTTP client is the bottleneck: run more processes instead


class Engine:
    """Claims runs, calls providers, settles.

    `run` blocks until `stop`; `run_one` settles a single run in the calling thread.
    """

    def __init__(self, *, slots: int | None = None, kind: str = "worker") -> None:
        self.slots = min(slots or settings.HELIX_CONCURRENCY, MOST_SLOTS)
        self.lease = Lease(slots=self.slots, kind=kind)
        self._calls = Calls()
        self._stopping = threading.Event()
        self._grace_s = GRACE_S
        self._flights: dict[int, Flight] = {}
        self._ended: list[Ended] = []  # kept until their turn is committed
        self._waiting: list[tuple[float, int, Flight]] = []
        self._order = count()
        self._told, self._told_s = timezone.now(), time.monotonic()  # the database's clock
        self._unestimated: deque[Call] = deque()
        self._appetite = self.slots  # how many claims can be planned in a turn's time
        self._states: dict[str, ProviderState] = {}
        self._states_s = self._tick_s = self._poll_s = self._reap_s = 0.0
        self._pause_s = 0.0
        self._is_uncertain = False  # a commit may have happened without our knowing
        self._is_quarantined = False  # something among the ended calls cannot be settled

    # --- from outside -----------------------------------------------------------------------------

    def start(self) -> Callable[[float], None]:
        """Run in a thread of its own; return the function that stops it within some seconds."""
        thread = threading.Thread(target=self.run, name="engine", daemon=True)
        thread.start()

        def stop(seconds: float) -> None:
            self.stop(within_s=seconds)
            thread.join(seconds + LANDING_S)

        return stop

    def stop(self, *, within_s: float = GRACE_S) -> None:
        """Claim nothing more; `run` returns when the calls in flight are settled or given back."""
        self._grace_s = within_s
        self._stopping.set()
        self._calls.wake.set()

    def run(self) -> None:
        parent = os.getppid()
        logger.info("Engine started: %d slots, worker %s", self.slots, self.lease.worker_id)
        while not self._stopping.is_set():
            if os.getppid() != parent:
                logger.warning("The parent process is gone; this worker stops")
                break
            self._guarded(self._step)
        self._land()

    def run_one(self, run_id: UUID) -> None:
        """Settle the pending run `run_id` in this process, or watch another worker settle it."""
        self._tick_s = math.inf  # firing is for workers
        is_final = False

        def look() -> None:
            nonlocal is_final
            is_final = Run.objects.filter(pk=run_id, status__in=Run.FINAL).exists()

        try:
            while not is_final:
                self._guarded(lambda: self._step(only=run_id))
                self._guarded(look)
        finally:
            self._land()

    def drain(self) -> None:
        """Settle, in this thread, all that may run now; for the demo and for tests."""
        try:
            while (
                self._flights
                or self._ended
                or Run.objects.pending().filter(available_at__lte=self._now() + SOON).exists()
            ):
                self._guarded(self._step)
        finally:
            self._land()

    # --- a step -----------------------------------------------------------------------------------

    def _guarded(self, do: Callable[[], object]) -> None:
        """Do it; while the database is away, keep everything and try again later."""
        try:
            do()
        except (OperationalError, InterfaceError, PeriodGone) as error:
            self._recover(f"Will try again: {error}")
        except Exception as error:
            if _was_frozen(error):
                self._recover(f"Will try again: {error}")
            else:
                logger.exception("A step of the engine failed")
                self._recover("Will try the ended calls one by one")
                self._is_quarantined = True
        else:
            self._pause_s = 0.0

    def _recover(self, why: str) -> None:
        self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2 or 0.1)
        logger.warning("%s (after %.1f s)", why, self._pause_s)
        self.lease.fell_ill()
        self._is_uncertain = True
        connection.close()
        time.sleep(self._pause_s)

    def _step(self, *, only: UUID | None = None) -> None:
        self._wait()
        self._beat()
        if self._is_quarantined:
            self._quarantine()
        if self._is_uncertain:
            self._look_for_strays()
        self._tick()
        self._estimate_some()
        due = self._due()
        room = self.slots - len(self._flights) + len(self._ended) + len(due)
        now_s = time.monotonic()
        is_poll = room > 0 and now_s >= self._poll_s
        if not (self._ended or due):
            if not is_poll:
                return
            if not queue.has_ready(self._now(), only):  # a plain look: no transaction, no lock
                self._poll_s = now_s + POLL_S
                return
        done = self._turn(self._ended, due, min(room, self._appetite), only=only)
        self._appetite = _appetite(self._appetite, done, self.slots)
        # While there is work, ask for more at once; else wait for the next poll.
        self._poll_s = 0.0 if done.claimed else now_s + POLL_S

    def _wait(self) -> None:
        now_s = time.monotonic()
        until = self._tick_s
        if len(self._flights) < self.slots:
            until = min(until, self._poll_s)
        if self._waiting:
            until = min(until, self._waiting[0][0])
        if until > now_s and not self._ended and not self._unestimated:
            self._calls.wake.wait(min(until - now_s, POLL_S))
        self._ended += self._calls.collect()

    def _now(self) -> datetime:
        """Return the database's clock, carried on by a clock of ours that nobody can set."""
        return self._told + timedelta(seconds=time.monotonic() - self._told_s)

    def _beat(self) -> None:
        now_s = time.monotonic()
        if self.lease.is_due:
            told = leases.database_now()
            if time.monotonic() - now_s < CLOCK_WITHIN_S:
                # As of the question: a row that is due must not seem to lie ahead.
                self._told, self._told_s = told, now_s
            self.lease.beat(len(self._flights))
        if self.lease.may_reap and now_s - self._reap_s >= REAP_S:
            self._reap_s = now_s
            taken = leases.reap() if leases.has_dead(self._now()) else 0
            if taken:
                logger.warning("Took back %d runs of lost workers", taken)

    def _tick(self) -> None:
        now_s = time.monotonic()
        if now_s < self._tick_s:
            return
        self._tick_s = now_s + TICK_S
        now = self._now()
        for hook in hooks.tick_hooks():
            try:
                needed = hook(now)
            except (OperationalError, InterfaceError):
                raise
            except Exception:
                logger.exception("A tick failed")
                continue
            if needed is not None:
                ahead_s = max(0.0, (needed - now).total_seconds())
                self._tick_s = min(self._tick_s, now_s + ahead_s)

    def _due(self) -> list[Flight]:
        now_s = time.monotonic()
        due = []
        while self._waiting and self._waiting[0][0] <= now_s:
            due.append(heapq.heappop(self._waiting)[2])
        return due

    def _turn(
        self,
        ended: list[Ended],
        due: list[Flight],
        room: int,
        *,
        only: UUID | None = None,
        tells: bool = True,
    ) -> Result:
        now = self._now()
        self._look_at_providers()
        providers = catalogue.snapshot().providers
        closed = [
            name
            for name, row in self._states.items()
            if circuits.is_closed(row, providers.get(name), now)
        ]
        is_landing = self._stopping.is_set()
        turn = Turn(self.lease.worker_id, now, self._states, is_landing=is_landing, tells=tells)
        try:
            done = turn.run(ended, due, room, closed_lanes=closed, only=only)
        except BaseException:
            for flight in due:
                self._wait_for(flight)
            raise
        settled = {id(end) for end in ended}
        self._ended = [end for end in self._ended if id(end) not in settled]
        self._take_over(done)
        return done

    def _take_over(self, done: Result) -> None:
        for flight in done.landed:
            self._flights.pop(id(flight), None)
        for flight in done.waiting:
            self._wait_for(flight)
        for call in done.calls:
            self._flights[id(call.flight)] = call.flight
        self._calls.start(done.calls)
        self._unestimated += done.calls
        self._is_uncertain |= done.has_strays

    def _estimate_some(self) -> None:
        """Estimate what runs have begun to cost, while the providers work; a little at a time."""
        until_s = time.monotonic() + ESTIMATING_S
        while self._unestimated and time.monotonic() < until_s:
            call = self._unestimated.popleft()
            if id(call.flight) in self._flights:
                planning.add_estimate(call)

    def _wait_for(self, flight: Flight) -> None:
        heapq.heappush(self._waiting, (flight.due_s, next(self._order), flight))

    def _look_at_providers(self) -> None:
        now_s = time.monotonic()
        if now_s - self._states_s >= STATES_S:
            self._states = {row.provider: row for row in ProviderState.objects.all()}
            self._states_s = now_s

    def _look_for_strays(self) -> None:
        """Give back runs that are ours in the database but not here.

        The commit of their claim was cut off after it happened, so nothing of theirs was sent.
        """
        known = {flight.run_id for flight in self._flights.values()}
        strays = leases.give_back(self.lease.worker_id, but=known, was_sent=False)
        if strays:
            logger.warning("Gave back %d runs that were claimed as the database went away", strays)
        self._is_uncertain = False

    def _quarantine(self) -> None:
        """Settle what ended one by one; what cannot be stored fails, with the reason.

        A run whose followers cannot take the news of its end is settled without them.
        """
        while self._ended:
            end = self._ended[0]
            tells = not isinstance(end.error, Unstorable)
            try:
                self._turn([end], [], 0, tells=tells)
            except (OperationalError, InterfaceError, PeriodGone):
                raise
            except Exception as refusal:
                run_id = end.call.flight.run_id
                logger.exception("The end of run %s cannot be stored", run_id)
                if not tells:
                    self._ended.pop(0)
                    self._flights.pop(id(end.call.flight), None)
                    self._is_uncertain = True  # it is given back, and fails where it is tried last
                    continue
                usage = end.usage
                end.error = Unstorable(f"Its end cannot be stored: {refusal}", usage=usage)
                end.completion = None
        self._is_quarantined = False

    # --- the end ----------------------------------------------------------------------------------

    def _land(self) -> None:
        """Give calls their grace, settle what ended, give the rest back, sign off."""
        self._stopping.set()
        deadline = time.monotonic() + self._grace_s
        while self._calls_open() and time.monotonic() < deadline:
            self._calls.wake.wait(POLL_S)
            self._ended += self._calls.collect()
            self._guarded(self._land_some)
        if self._calls_open():
            self._calls.cancel()
            self._calls.wake.wait(1.0)
            self._ended += self._calls.collect()
        # These answers are paid for: a hiccup of the database must not cost them.
        deadline = time.monotonic() + LANDING_S
        while self._ended and time.monotonic() < deadline:
            self._guarded(self._land_some)
        self._guarded(self._sign_off)
        self._calls.close()
        connection.close()
        if self.lease.kind == "worker":
            logger.info("Engine stopped: worker %s", self.lease.worker_id)

    def _land_some(self) -> None:
        self._beat()
        if self._is_quarantined:
            self._quarantine()
        elif self._ended:
            self._turn(self._ended, [], 0)

    def _calls_open(self) -> bool:
        """Say whether a call is in flight; flights that pause between two calls are given back."""
        return len(self._flights) > len(self._waiting)

    def _sign_off(self) -> None:
        given = leases.give_back(self.lease.worker_id)
        if given:
            logger.info("Gave back %d runs", given)
        self.lease.end()


def _appetite(before: int, done: Result, slots: int) -> int:
    """Return how many runs to claim next: as many as could be planned, and more when all could."""
    if done.unplanned:
        return max(1, done.claimed - done.unplanned)
    return min(slots, before * 2)


def _was_frozen(error: Exception) -> bool:
    """Say whether PostgreSQL ended our transaction because we stood still (`steady`)."""
    return getattr(error.__cause__, "sqlstate", None) == IDLE_IN_TRANSACTION
