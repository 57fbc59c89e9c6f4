"""One turn of the engine: settle what has ended, claim what may run, in one transaction.

The order of locks is the same in every process, so turns cannot deadlock: run rows (claimed ones
are skipped by others), then provider rows, then budget periods, each set in one statement and in
the order of its key. All decisions are made in between, on locked figures; then each table is
written once.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import connection, transaction

from core import sql
from core.errors import DomainError
from operations import circuits, router
from operations.circuits import Blocked, States
from operations.engine import planning, queue
from operations.engine.booking import (
    Booking,
    book,
    book_late,
    close_attempts,
    open_attempts,
)
from operations.engine.flight import Call, Ended, Final, Flight
from operations.engine.settling import settle
from operations.gate import Books, Need, Periods
from operations.models import Attempt, ProviderState, Run
from preferences import services as preferences
from providers import catalogue as catalogues
from providers.catalogue import ProviderInfo
from providers.protocol import InvalidAnswer, Repair

logger = logging.getLogger(__name__)
PLANNING_S = 0.5  # a turn's claims are planned for so long: others wait for its end, and our beat
MONEY_LOOK_S = 0.25  # between two looks whether a budget has room again,
MONEY_LOOK_AT_MOST_S = 15.0  # when a run has waited for a minute


@dataclass(slots=True)
class PutBack:
    """A flight that its provider or its budget cannot take now: pending again, until then."""

    flight: Flight
    until: datetime
    lane: str


@dataclass(slots=True)
class Result:
    """What the turn did, for the loop to act on once it is committed."""

    calls: list[Call] = field(default_factory=list)
    waiting: list[Flight] = field(default_factory=list)  # for their pause to end: `due_s`
    landed: list[Flight] = field(default_factory=list)  # no longer ours
    claimed: int = 0
    unplanned: int = 0  # of the claimed: given back, since planning them took too long
    has_strays: bool = False  # the database knows more of a run than we do


class Turn:
    """A turn at `now` for `worker_id`; `run` does it, in a transaction of its own.

    `is_landing`: the worker stops, so what would call again is given back. `tells=False`: settle
    without the followers.
    """

    def __init__(
        self,
        worker_id: UUID,
        now: datetime,
        states: dict[str, ProviderState] | None = None,
        *,
        is_landing: bool = False,
        tells: bool = True,
    ) -> None:
        self.worker_id = worker_id
        self.now = now
        self.is_landing = is_landing
        self.tells = tells
        self.seen_states = states or {}  # from memory: who needs a look at the locked row
        self.catalogue = catalogues.snapshot()
        self.result = Result()
        self.bookings: list[Booking] = []
        self.late: list[Booking] = []
        self.wanted: list[Flight] = []
        self.finals: list[Final] = []
        self.put_back: list[PutBack] = []
        self.states = States([])

    def run(
        self,
        ended: Sequence[Ended],
        due: Sequence[Flight],
        room: int,
        *,
        closed_lanes: Collection[str] = (),
        only: UUID | None = None,
    ) -> Result:
        """Settle `ended`, go on with `due`, claim what else fits (or just the run `only`).

        `room` counts the slots that `ended` and `due` occupy as free; what goes on keeps its slot.
        """
        flights = [*(end.call.flight for end in ended), *due]
        before = [(flight, flight.remember()) for flight in flights]
        try:
            with transaction.atomic():
                sql.steady()
                ours = self._fence(flights)
                self._take_stock(ended, ours)
                self._go_on(due, ours)
                slots = room - len(self.wanted) - len(self.result.waiting)
                if slots > 0:
                    self._claim(slots, closed_lanes, only)
                admitted = self._admit(ended)
                self._write(self._move_money(admitted))
        except BaseException:
            for flight, memory in before:
                flight.recall(memory)
            raise
        return self.result

    # --- what is still ours -----------------------------------------------------------------------

    def _fence(self, flights: Sequence[Flight]) -> dict[UUID, UUID | None]:
        """Lock the rows of `flights`; return those that nobody took from us, with their open call.

        The rows that others took are locked too: a late answer may still tell their cost.
        """
        if not flights:
            return {}
        among, keys = sql.among("r.id", "uuid", [flight.run_id for flight in flights])
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT r.id, r.status, r.claims, (SELECT a.id FROM {sql.table(Attempt)} a"
                f" WHERE a.run_id = r.id AND a.outcome = 'calling')"
                f" FROM {sql.table(Run)} r WHERE {among} ORDER BY r.id{sql.for_update(of='r')}",
                keys,
            )
            rows = cursor.fetchall()
        ids = sql.read_rows(Run, ("id",), [row[:1] for row in rows])
        calls = sql.read_rows(Attempt, ("id",), [row[3:] for row in rows])
        claims = {flight.run_id: flight.claims for flight in flights}
        return {
            run_id: call_id
            for (run_id,), (call_id,), (_, status, number, _) in zip(ids, calls, rows, strict=True)
            if status == Run.Status.RUNNING and number == claims[run_id]
        }

    def _go_on(self, due: Sequence[Flight], ours: Mapping[UUID, UUID | None]) -> None:
        for flight in due:
            if flight.run_id not in ours:
                self.result.landed.append(flight)
            elif ours[flight.run_id] is not None:
                self._lose_track(flight)
            elif self.is_landing:
                self._put_back(flight, self.now)
            else:
                self.wanted.append(flight)

    def _lose_track(self, flight: Flight) -> None:
        """Let go of a run that is ours and further on than we know: a commit's answer was lost."""
        self.result.landed.append(flight)
        self.result.has_strays = True

    # --- what the ended calls came to -------------------------------------------------------------

    def _take_stock(self, ended: Sequence[Ended], ours: Mapping[UUID, UUID | None]) -> None:
        for end in ended:
            end.check()
            booking = book(end)
            flight = end.call.flight
            if flight.run_id not in ours:
                self.late.append(booking)
                self.result.landed.append(flight)
                continue
            if ours[flight.run_id] != end.call.id:
                self._lose_track(flight)
                continue
            self.bookings.append(booking)
            self._add_up(flight, booking)
            self._decide(end)

    @staticmethod
    def _add_up(flight: Flight, booking: Booking) -> None:
        end = booking.ended
        flight.numbers = end.call.number
        flight.tries[end.call.provider.name] += 1
        flight.latency_ms = round((time.monotonic() - flight.started_s) * 1000)
        if flight.known is not None:
            flight.known = None if booking.cost_usd is None else flight.known + booking.cost_usd
        if end.usage is not None:
            flight.input_tokens += end.usage.input_tokens
            flight.cached_tokens += end.usage.cached_tokens
            flight.output_tokens += end.usage.output_tokens

    def _decide(self, end: Ended) -> None:
        """Settle the flight, or send it on its next attempt."""
        flight, error = end.call.flight, end.error
        if end.completion is not None:
            self._finish(
                flight,
                Run.Status.SUCCESS,
                result=end.completion.result,
                provider=end.call.provider.name,
                model=end.call.model.name,
            )
            return
        if error is None:  # cut short by a stop: somebody else will do it
            self._put_back(flight, self.now)
            return
        flight.last_error = end.error_text
        step = router.after_failure(
            error,
            flight.route,
            position=flight.position,
            tries=flight.tries,
            has_repaired=flight.has_repaired,
            elapsed_s=time.monotonic() - flight.started_s,
        )
        if step is None:
            self._finish(
                flight,
                Run.Status.FAILED,
                error=flight.last_error,
                provider=end.call.provider.name,
                model=end.call.model.name,
            )
            return
        if self.is_landing:
            self._put_back(flight, self.now)
            return
        flight.position = step.position
        flight.repair = None
        if step.repairs and isinstance(error, InvalidAnswer):
            flight.repair = Repair(error.answer, str(error))
            flight.has_repaired = True
        if step.pause_s:
            flight.due_s = time.monotonic() + step.pause_s
            self.result.waiting.append(flight)
        else:
            self.wanted.append(flight)

    def _put_back(self, flight: Flight, until: datetime, lane: str = "") -> None:
        self.put_back.append(PutBack(flight, until, lane))
        self.result.landed.append(flight)

    def _finish(self, flight: Flight, status: str, **ending: Any) -> None:
        self.finals.append(Final(flight, status, **ending))
        self.result.landed.append(flight)

    # --- what may run -----------------------------------------------------------------------------

    def _claim(self, slots: int, closed_lanes: Collection[str], only: UUID | None) -> None:
        if only is not None:
            rows = queue.claim_one(self.worker_id, only, self.now)
        else:
            rows = queue.claim(self.worker_id, slots, self.now, closed_lanes)
        flights = [planning.flight_of(row) for row in rows]
        planning.recall_attempts(flights)
        preferences.lookup_many((flight.owner_id, flight.operation) for flight in flights)
        self.result.claimed = len(rows)
        planned: list[Flight] = []
        until_s = time.monotonic() + PLANNING_S
        for flight, row in zip(flights, rows, strict=True):
            if planned and time.monotonic() > until_s:
                self._put_back(flight, self.now)
                self.result.unplanned += 1
            elif self._plan(flight, row):
                planned.append(flight)
        periods = Periods(_need(flight) for flight in planned)
        for flight in planned:
            flight.periods = periods.of(_need(flight))
        self.wanted += planned

    def _plan(self, flight: Flight, row: Sequence[Any]) -> bool:
        """Plan the flight, or end it with the reason why it cannot go."""
        try:
            planning.plan(flight, row, self.catalogue, self.now)
        except planning.Disabled as refusal:
            self._finish(flight, Run.Status.SKIPPED, reason=str(refusal))
        except DomainError as refusal:
            self._finish(flight, Run.Status.FAILED, error=str(refusal))
        except DatabaseError:
            raise  # the transaction is lost; the loop tries again
        except Exception as fault:  # one bad row must not hold up the others
            logger.exception("Run %s could not be planned", flight.run_id)
            self._finish(flight, Run.Status.FAILED, error=f"It could not be prepared: {fault!r}")
        else:
            return True
        return False

    def _admit(self, ended: Sequence[Ended]) -> list[Call]:
        """Tell the providers' circuits what happened and ask them who may call now."""
        calls = [planning.next_call(flight, self.catalogue, self.now) for flight in self.wanted]
        states = self.states = States(self._loud_providers(calls, ended))
        for end in ended:
            name = end.call.provider.name
            if name in states:
                if end.error is not None:
                    states.failed(name, end.error, now=self.now)
                elif end.completion is not None:
                    states.succeeded(name)
        return [each for call in calls if (each := self._admit_one(call, states)) is not None]

    def _loud_providers(self, calls: Sequence[Call], ended: Sequence[Ended]) -> list[ProviderInfo]:
        """Return the providers whose rows are needed: in trouble, under limits, or just failing.

        Where a call's own provider is one, so may be the rest of its route.
        """
        failing = {end.call.provider.name for end in ended if end.error is not None}

        def is_loud(name: str) -> bool:
            return name in failing or not self._is_quiet(name)

        names = {end.call.provider.name for end in ended}
        for call in calls:
            names.add(call.provider.name)
            if is_loud(call.provider.name):
                names.update(model.provider for model in call.flight.route)
        return [self.catalogue.providers[name] for name in sorted(names) if is_loud(name)]

    def _is_quiet(self, provider: str) -> bool:
        info = self.catalogue.providers[provider]
        return circuits.is_quiet(self.seen_states.get(provider), info, self.now)

    def _admit_one(self, call: Call, states: States) -> Call | None:
        """Return `call`, or one further along the route, or None: put back or failed."""
        flight = call.flight
        blocks: list[tuple[str, Blocked]] = []
        while True:
            name = call.provider.name
            tokens = _tokens(call)
            block = states.admit(name, tokens=tokens, now=self.now) if name in states else None
            if block is None:
                return call
            blocks.append((name, block))
            if block.is_rate or flight.position + 1 >= len(flight.route):
                break
            flight.position += 1
            flight.repair = None
            call = planning.next_call(flight, self.catalogue, self.now)
        waits = [(block.until, name) for name, block in blocks if block.until is not None]
        if waits and self._has_patience(flight, [block for _, block in blocks]):
            self._put_back(flight, *min(waits))
        else:
            self._finish(
                flight, Run.Status.FAILED, error="; ".join(str(block) for _, block in blocks)
            )
        return None

    def _has_patience(self, flight: Flight, blocks: Sequence[Blocked]) -> bool:
        """Say whether to wait: for our own allowance always, for an outage not for ever.

        Where a person sits and waits, an outage is told at once.
        """
        if any(block.is_rate for block in blocks):
            return True
        if flight.origin == Run.Origin.COMMAND:
            return False
        return any(self.now - (block.since or self.now) < circuits.PATIENCE for block in blocks)

    # --- money ------------------------------------------------------------------------------------

    def _move_money(self, calls: Sequence[Call]) -> Books:
        touched = [booking.ended.call.flight for booking in (*self.bookings, *self.late)]
        touched += [call.flight for call in calls]
        books = Books(period for flight in touched for period in flight.periods)
        for booking in self.bookings:
            call = booking.ended.call
            books.settle(call.flight.periods, held=call.ceiling, booked=booking.booked)
        book_late(self.late, books, self.now)
        for call in calls:
            refusal = books.hold(call.flight.periods, call.ceiling)
            if not refusal:
                self.result.calls.append(call)
                continue
            if call.provider.name in self.states:
                self.states.give_back(call.provider.name, tokens=_tokens(call))
            if books.may_pass_later(call.flight.periods, call.ceiling):
                self._wait_for_money(call.flight)
            elif call.flight.numbers:  # it has called before: what it did is told, not hidden
                error = f"{call.flight.last_error} No further attempt: {refusal}".strip()
                self._finish(call.flight, Run.Status.FAILED, error=error)
            else:
                self._finish(call.flight, Run.Status.SKIPPED, reason=refusal)
        self.states.save()
        return books

    def _wait_for_money(self, flight: Flight) -> None:
        """Let the flight come back when running calls, which hold too much, have been booked.

        Refusing it would be wrong as often as calls cost less than their ceiling. Between two of
        its attempts it keeps its slot and its place on its route; else it is pending again, and
        looks the less often the longer it has waited: thousands may wait for one budget.
        """
        if flight.latency_ms is not None:
            flight.due_s = time.monotonic() + MONEY_LOOK_S
            self.result.waiting.append(flight)
            return
        waited_s = (self.now - flight.created_at).total_seconds()
        pause_s = min(MONEY_LOOK_AT_MOST_S, max(MONEY_LOOK_S, waited_s / 4))
        until = self.now + timedelta(seconds=pause_s * random.uniform(0.5, 1))  # noqa: S311
        self._put_back(flight, until)

    # --- what is written --------------------------------------------------------------------------

    def _write(self, books: Books) -> None:
        with sql.together():
            books.save()
            close_attempts(self.bookings, self.now)
            open_attempts(self.result.calls)
            self._write_put_back()
            settle(self.finals, self.now, tells=self.tells)

    def _write_put_back(self) -> None:
        if self.put_back:
            sql.update_rows(
                Run,
                ["id"],
                ["status", "available_at", "lane", "worker_id"],
                [
                    (back.flight.run_id, Run.Status.PENDING, back.until, back.lane, None)
                    for back in self.put_back
                ],
                where="t.status = 'running'",
            )


def _tokens(call: Call) -> int:
    """Return about how many tokens a call will count for at a rate limit."""
    return call.flight.input_ceiling // 2 + call.request.max_output_tokens


def _need(flight: Flight) -> Need:
    return flight.owner_id, flight.operation, flight.month
