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
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import connection, transaction

from core import sql
from core.errors import DomainError
from core.money import from_nanos, to_nanos
from operations import circuits, hooks, rollups, router
from operations.circuits import Blocked, States
from operations.engine import planning, queue
from operations.engine.flight import Call, Ended, Final, Flight
from operations.gate import Books, Nanos, Need, Periods
from operations.models import Attempt, Hold, ProviderState, Run
from providers import catalogue as catalogues
from providers.protocol import InvalidAnswer, Repair

logger = logging.getLogger(__name__)
LONGEST_ERROR = 2000  # characters kept of an error
MONEY_LOOK_S = 0.25  # between two looks whether a budget has room again,
MONEY_LOOK_AT_MOST_S = 15.0  # when a run has waited for a minute


@dataclass(slots=True)
class Booking:
    """What an ended call cost: `cost_usd` is None when nobody knows, `booked` counts anyway."""

    ended: Ended
    outcome: str
    cost_usd: Decimal | None
    booked: Nanos


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


class Turn:
    """A turn at `now` for `worker_id`; `run` does it, in a transaction of its own."""

    def __init__(
        self, worker_id: UUID, now: datetime, states: dict[str, ProviderState] | None = None
    ) -> None:
        self.worker_id = worker_id
        self.now = now
        self.seen_states = states or {}  # from memory: who needs a look at the locked row
        self.catalogue = catalogues.snapshot()
        self.result = Result()
        self.bookings: list[Booking] = []
        self.late: list[Booking] = []
        self.wanted: list[Flight] = []
        self.finals: list[Final] = []
        self.put_back: list[PutBack] = []

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
                sql.let_go_if_frozen()
                ours = self._fence(flights)
                self._take_stock(ended, ours)
                self._go_on(due, ours)
                slots = room - len(self.wanted) - len(self.result.waiting)
                if slots > 0:
                    self._claim(slots, closed_lanes, only)
                admitted = self._admit(ended)
                self._move_money(admitted)
                self._write()
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
                f"SELECT r.id, r.status, r.claims, a.id FROM {sql.table(Run)} r"
                f" LEFT JOIN {sql.table(Attempt)} a ON a.run_id = r.id AND a.outcome = 'calling'"
                f" WHERE {among} ORDER BY r.id{sql.for_update(of='r')}",
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
            is_ours = flight.run_id in ours and ours[flight.run_id] is None
            (self.wanted if is_ours else self.result.landed).append(flight)

    # --- what the ended calls came to -------------------------------------------------------------

    def _take_stock(self, ended: Sequence[Ended], ours: Mapping[UUID, UUID | None]) -> None:
        for end in ended:
            booking = self._booking(end)
            flight = end.call.flight
            if ours.get(flight.run_id) != end.call.id:
                # Taken from us; or booked already by a commit whose answer never reached us.
                self.late.append(booking)
                self.result.landed.append(flight)
                continue
            self.bookings.append(booking)
            self._add_up(flight, booking)
            self._decide(end)

    def _booking(self, end: Ended) -> Booking:
        call, error = end.call, end.error
        usage = end.completion.usage if end.completion else error.usage if error else None
        cost: Decimal | None = None
        if usage is not None:
            tier = end.completion.tier if end.completion else "standard"
            card = call.model.card
            cost = card.cost_usd(usage, at=call.started_at, tier=tier) if card else None
        elif error and not error.may_have_billed and not isinstance(error, InvalidAnswer):
            cost = Decimal(0)  # refused before any work was done
        if end.completion:
            outcome = Attempt.Outcome.SUCCESS
        elif usage is None and cost is None:
            outcome = Attempt.Outcome.UNKNOWN
        else:
            outcome = Attempt.Outcome.FAILED
        booked = call.ceiling if cost is None else to_nanos(cost)
        return Booking(end, outcome, cost, booked)

    @staticmethod
    def _add_up(flight: Flight, booking: Booking) -> None:
        end = booking.ended
        flight.numbers = end.call.number
        flight.tries[end.call.provider.name] += 1
        flight.latency_ms = round((time.monotonic() - flight.started_s) * 1000)
        if flight.known is not None:
            flight.known = None if booking.cost_usd is None else flight.known + booking.cost_usd
        usage = end.completion.usage if end.completion else end.error.usage if end.error else None
        if usage is not None:
            flight.input_tokens += usage.input_tokens
            flight.cached_tokens += usage.cached_tokens
            flight.output_tokens += usage.output_tokens

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
            self.put_back.append(PutBack(flight, self.now, ""))
            self.result.landed.append(flight)
            return
        flight.last_error = str(error)[:LONGEST_ERROR]
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
        planned: list[Flight] = []
        planning.recall_attempts(flights)
        self.result.claimed = len(rows)
        for flight, row in zip(flights, rows, strict=True):
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
                self._finish(
                    flight, Run.Status.FAILED, error=f"It could not be prepared: {fault!r}"
                )
            else:
                planned.append(flight)
        periods = Periods(_need(flight) for flight in planned)
        for flight in planned:
            flight.periods = periods.of(_need(flight))
        self.wanted += planned

    def _admit(self, ended: Sequence[Ended]) -> list[Call]:
        """Tell the providers' circuits what happened and ask them who may call now."""
        calls = [planning.next_call(flight, self.catalogue, self.now) for flight in self.wanted]
        providers = {call.provider.name: call.provider for call in calls}
        # The rest of a route is asked only where a circuit is open; then its rows are wanted too.
        for call in calls:
            if not self._is_quiet(call.provider.name):
                for model in call.flight.route:
                    providers[model.provider] = self.catalogue.provider_of(model)
        for end in ended:
            providers[end.call.provider.name] = end.call.provider
        failing = {end.call.provider.name for end in ended if end.error is not None}
        loud = [
            info
            for name, info in providers.items()
            if name in failing or not circuits.is_quiet(self.seen_states.get(name), info)
        ]
        states = States(loud)
        for end in ended:
            name = end.call.provider.name
            if name in states:
                if end.error is not None:
                    states.failed(name, end.error, now=self.now)
                elif end.completion is not None:
                    states.succeeded(name)
        admitted = [each for call in calls if (each := self._admit_one(call, states)) is not None]
        states.save()
        return admitted

    def _is_quiet(self, provider: str) -> bool:
        info = self.catalogue.providers[provider]
        return circuits.is_quiet(self.seen_states.get(provider), info)

    def _admit_one(self, call: Call, states: States) -> Call | None:
        """Return `call`, or one further along the route, or None: put back or failed."""
        flight = call.flight
        blocks: list[tuple[str, Blocked]] = []
        while True:
            name = call.provider.name
            tokens = flight.input_ceiling // 2 + call.request.max_output_tokens
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
        if waits:
            until, lane = min(waits)
            self.put_back.append(PutBack(flight, until, lane))
            self.result.landed.append(flight)
        else:
            self._finish(flight, Run.Status.FAILED, error="; ".join(b.why for _, b in blocks))
        return None

    # --- money ------------------------------------------------------------------------------------

    def _move_money(self, calls: Sequence[Call]) -> None:
        touched = [booking.ended.call.flight for booking in (*self.bookings, *self.late)]
        touched += [call.flight for call in calls]
        books = Books(period for flight in touched for period in flight.periods)
        for booking in self.bookings:
            call = booking.ended.call
            books.settle(call.flight.periods, held=call.ceiling, booked=booking.booked)
        self._book_late(books)
        for call in calls:
            refusal = books.hold(call.flight.periods, call.ceiling)
            if not refusal:
                self.result.calls.append(call)
            elif books.may_pass_later(call.flight.periods, call.ceiling):
                self._wait_for_money(call.flight)
            elif call.flight.numbers:  # it has called before: what it did is told, not hidden
                error = f"{call.flight.last_error} No further attempt: {refusal}".strip()
                self._finish(call.flight, Run.Status.FAILED, error=error)
            else:
                self._finish(call.flight, Run.Status.SKIPPED, reason=refusal)
        books.save()

    def _wait_for_money(self, flight: Flight) -> None:
        """Let the flight come back when running calls, which hold too much, have been booked.

        Refusing it would be wrong as often as calls cost less than their ceiling. Between two of
        its attempts it keeps its slot and its place on its route; else it is pending again, and
        looks the less often the longer it has waited: thousands may wait for one budget.
        """
        if flight.tries:
            flight.due_s = time.monotonic() + MONEY_LOOK_S
            self.result.waiting.append(flight)
            return
        waited_s = (self.now - flight.created_at).total_seconds()
        pause_s = min(MONEY_LOOK_AT_MOST_S, max(MONEY_LOOK_S, waited_s / 4))
        until = self.now + timedelta(seconds=pause_s * random.uniform(0.5, 1))  # noqa: S311
        self.put_back.append(PutBack(flight, until, ""))
        self.result.landed.append(flight)

    def _book_late(self, books: Books) -> None:
        """Book calls whose run was taken from us: refused as a result, told as a cost."""
        if not self.late:
            return
        late = {booking.ended.call.id: booking for booking in self.late}
        rows = Attempt.objects.filter(pk__in=late, outcome=Attempt.Outcome.UNKNOWN)
        for attempt in rows.order_by("pk").select_for_update():
            booking = late[attempt.pk]
            if booking.cost_usd is None:
                continue
            end = booking.ended
            books.correct(end.call.flight.periods, booking.booked - to_nanos(attempt.booked_usd))
            usage = end.completion.usage if end.completion else end.error and end.error.usage
            attempt.is_late = True
            attempt.outcome = booking.outcome
            attempt.finished_at = self.now
            attempt.latency_ms = end.latency_ms
            attempt.booked_usd = attempt.cost_usd = booking.cost_usd
            if usage:
                attempt.input_tokens = usage.input_tokens
                attempt.cached_tokens = usage.cached_tokens
                attempt.output_tokens = usage.output_tokens
            attempt.save()
            self._tell_late_cost(attempt.run_id)

    def _tell_late_cost(self, run_id: UUID) -> None:
        """Give a settled run its cost once the last unknown part of it is known."""
        run = Run.objects.get(pk=run_id)  # locked by the fence
        if not run.is_final or run.cost_usd is not None:
            return
        costs = list(Attempt.objects.filter(run=run).values_list("cost_usd", flat=True))
        known = [cost for cost in costs if cost is not None]
        if len(known) < len(costs):
            return
        total = sum(known, Decimal(0))
        Run.objects.filter(pk=run_id).update(cost_usd=total)
        tally = rollups.Tally(
            owner_id=run.owner_id,
            at=run.finished_at or self.now,
            operation=run.operation,
            provider=run.provider,
            model=run.model,
            origin=run.origin,
            unknown_cost=-1,
            cost_usd=total,
        )
        rollups.book([tally])

    # --- what is written --------------------------------------------------------------------------

    def _write(self) -> None:
        self._write_attempts()
        self._write_holds()
        self._write_put_back()
        settle(self.finals, self.now)

    def _write_attempts(self) -> None:
        if self.bookings:
            sql.update_rows(
                Attempt,
                ["id"],
                [
                    "outcome",
                    "error_code",
                    "error",
                    "tier",
                    "finished_at",
                    "latency_ms",
                    "input_tokens",
                    "cached_tokens",
                    "output_tokens",
                    "booked_usd",
                    "cost_usd",
                ],
                [self._attempt_row(booking) for booking in self.bookings],
                where="t.outcome = 'calling'",
            )
        if self.result.calls:
            sql.insert_rows(
                Attempt,
                [
                    "id",
                    "run_id",
                    "number",
                    "provider",
                    "model",
                    "tier",
                    "prompt_version",
                    "outcome",
                    "error_code",
                    "error",
                    "started_at",
                    "price_id",
                    "ceiling_usd",
                    "booked_usd",
                    "is_late",
                ],
                [
                    (
                        call.id,
                        call.flight.run_id,
                        call.number,
                        call.provider.name,
                        call.model.name,
                        call.request.tier,
                        call.flight.definition.prompt_version,  # type: ignore[union-attr]  # planned
                        Attempt.Outcome.CALLING,
                        "",
                        "",
                        call.started_at,
                        call.model.price_id,
                        from_nanos(call.ceiling),
                        Decimal(0),
                        False,
                    )
                    for call in self.result.calls
                ],
            )

    def _attempt_row(self, booking: Booking) -> tuple[Any, ...]:
        end = booking.ended
        usage = end.completion.usage if end.completion else end.error.usage if end.error else None
        return (
            end.call.id,
            booking.outcome,
            end.error.code if end.error else "",
            str(end.error)[:LONGEST_ERROR] if end.error else "",
            end.completion.tier if end.completion else end.call.request.tier,
            self.now,
            end.latency_ms,
            usage.input_tokens if usage else None,
            usage.cached_tokens if usage else None,
            usage.output_tokens if usage else None,
            from_nanos(booking.booked),
            booking.cost_usd,
        )

    def _write_holds(self) -> None:
        ended = [b.ended.call.flight.run_id for b in self.bookings if b.ended.call.ceiling]
        release_holds(ended)
        held = [call for call in self.result.calls if call.ceiling]
        if held:
            sql.insert_rows(
                Hold,
                ["run_id", "amount_usd", "period_ids"],
                [
                    (call.flight.run_id, from_nanos(call.ceiling), list(call.flight.periods))
                    for call in held
                ],
            )

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


def _need(flight: Flight) -> Need:
    return flight.owner_id, flight.operation, flight.month


def release_holds(run_ids: Sequence[UUID]) -> None:
    if run_ids:
        among, keys = sql.among("run_id", "uuid", run_ids)
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {sql.table(Hold)} WHERE {among}", keys)


_FINAL_COLUMNS = [
    "status",
    "reason",
    "error",
    "finished_at",
    "worker_id",
    "result",
    "provider",
    "model",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "cost_usd",
    "cost_low_usd",
    "cost_mid_usd",
    "cost_high_usd",
    "latency_ms",
]


def settle(finals: Sequence[Final], now: datetime) -> None:
    """Write the ends of runs, with their rollups and what follows, in the caller's transaction.

    Fenced by claim number and state; only rows that were still ours are counted anywhere.
    """
    if not finals:
        return
    rows = [_final_row(final, now) for final in finals]
    written = sql.update_rows(
        Run, ["id", "claims"], _FINAL_COLUMNS, rows, where="t.status = 'running'", returning="t.id"
    )
    ids = {row[0] for row in sql.read_rows(Run, ("id",), written)}
    settled = [final for final in finals if final.flight.run_id in ids]
    rollups.book(_tally(final, now) for final in settled)
    hooks.settled([_news(final, now) for final in settled], now)


def _final_row(final: Final, now: datetime) -> tuple[Any, ...]:
    flight = final.flight
    was_asked = flight.numbers > 0
    estimate = flight.estimate
    return (
        flight.run_id,
        flight.claims,
        final.status,
        final.reason,
        final.error,
        now,
        None,
        final.result,
        final.provider,
        final.model,
        flight.input_tokens if was_asked else None,
        flight.cached_tokens if was_asked else None,
        flight.output_tokens if was_asked else None,
        flight.known,
        estimate.low_usd if estimate else None,
        estimate.mid_usd if estimate else None,
        estimate.high_usd if estimate else None,
        flight.latency_ms,
    )


def _tally(final: Final, now: datetime) -> rollups.Tally:
    flight = final.flight
    return rollups.Tally(
        owner_id=flight.owner_id,
        at=now,
        operation=flight.operation,
        provider=final.provider,
        model=final.model,
        origin=flight.origin,
        runs=1,
        succeeded=int(final.status == Run.Status.SUCCESS),
        failed=int(final.status == Run.Status.FAILED),
        skipped=int(final.status == Run.Status.SKIPPED),
        unknown_cost=int(flight.known is None),
        cost_usd=flight.known or Decimal(0),
        input_tokens=flight.input_tokens,
        cached_tokens=flight.cached_tokens,
        output_tokens=flight.output_tokens,
        latency_ms=flight.latency_ms or 0,
        timed=int(flight.latency_ms is not None),
    )


def _news(final: Final, now: datetime) -> hooks.SettledRun:
    flight = final.flight
    return hooks.SettledRun(
        id=flight.run_id,
        owner_id=flight.owner_id,
        operation=flight.operation,
        origin=flight.origin,
        status=final.status,
        reason=final.reason,
        error=final.error,
        cost_usd=flight.known,
        finished_at=now,
    )
