"""What a call cost, and its row: opened before it is sent, closed when it has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from core import sql
from core.money import from_nanos, to_nanos
from operations import rollups
from operations.engine.flight import Call, Ended
from operations.gate import Books, Nanos
from operations.models import Attempt, Hold, Run
from providers.protocol import InvalidAnswer


@dataclass(slots=True)
class Booking:
    """What an ended call cost: `cost_usd` is None when nobody knows, `booked` counts anyway."""

    ended: Ended
    outcome: str
    cost_usd: Decimal | None
    booked: Nanos


def book(end: Ended) -> Booking:
    """Return what `end` cost: reported usage at the pinned price, or its ceiling while unknown."""
    call, error, usage = end.call, end.error, end.usage
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
    return Booking(end, outcome, cost, call.ceiling if cost is None else to_nanos(cost))


_OPENED = [
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
]
_CLOSED = [
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
]


def open_attempts(calls: Sequence[Call]) -> None:
    """Write the rows and holds of calls that are about to be sent."""
    if calls:
        sql.insert_rows(Attempt, _OPENED, [_opened(call) for call in calls])
    held = [call for call in calls if call.ceiling]
    if held:
        sql.insert_rows(
            Hold,
            ["run_id", "amount_usd", "period_ids"],
            [
                (call.flight.run_id, from_nanos(call.ceiling), list(call.flight.periods))
                for call in held
            ],
        )


def close_attempts(bookings: Sequence[Booking], now: datetime) -> None:
    """Write how calls ended, and drop their holds."""
    if bookings:
        rows = [_closed(booking, now) for booking in bookings]
        sql.update_rows(Attempt, ["id"], _CLOSED, rows, where="t.outcome = 'calling'")
    release_holds([b.ended.call.flight.run_id for b in bookings if b.ended.call.ceiling])


def release_holds(run_ids: Sequence[UUID]) -> None:
    if run_ids:
        among, keys = sql.among("run_id", "uuid", run_ids)
        sql.write(f"DELETE FROM {sql.table(Hold)} WHERE {among}", keys)


def _opened(call: Call) -> tuple[Any, ...]:
    return (
        call.id,
        call.flight.run_id,
        call.number,
        call.provider.name,
        call.model.name,
        call.request.tier,
        call.prompt_version,
        Attempt.Outcome.CALLING,
        "",
        "",
        call.started_at,
        call.model.price_id,
        from_nanos(call.ceiling),
        Decimal(0),
        False,
    )


def _closed(booking: Booking, now: datetime) -> tuple[Any, ...]:
    end, usage = booking.ended, booking.ended.usage
    return (
        end.call.id,
        booking.outcome,
        end.error.code if end.error else "",
        end.error_text,
        end.completion.tier if end.completion else end.call.request.tier,
        now,
        end.latency_ms,
        usage.input_tokens if usage else None,
        usage.cached_tokens if usage else None,
        usage.output_tokens if usage else None,
        from_nanos(booking.booked),
        booking.cost_usd,
    )


def book_late(bookings: Sequence[Booking], books: Books, now: datetime) -> None:
    """Book calls whose run was taken from us: refused as a result, told as a cost.

    Their run rows and budget periods are locked by the caller.
    """
    if not bookings:
        return
    late = {booking.ended.call.id: booking for booking in bookings}
    rows = Attempt.objects.filter(pk__in=late, outcome=Attempt.Outcome.UNKNOWN)
    for attempt in rows.order_by("pk").select_for_update():
        booking = late[attempt.pk]
        if booking.cost_usd is None:
            continue
        end = booking.ended
        books.correct(end.call.flight.periods, booking.booked - to_nanos(attempt.booked_usd))
        attempt.is_late = True
        attempt.outcome = booking.outcome
        attempt.finished_at = now
        attempt.latency_ms = end.latency_ms
        attempt.booked_usd = attempt.cost_usd = booking.cost_usd
        if end.usage:
            attempt.input_tokens = end.usage.input_tokens
            attempt.cached_tokens = end.usage.cached_tokens
            attempt.output_tokens = end.usage.output_tokens
        attempt.save()
        _tell_late_cost(attempt.run_id)


def _tell_late_cost(run_id: UUID) -> None:
    """Give a settled run its cost once the last unknown part of it is known."""
    run = Run.objects.get(pk=run_id)
    if not run.is_final or run.finished_at is None or run.cost_usd is not None:
        return
    costs = list(Attempt.objects.filter(run=run).values_list("cost_usd", flat=True))
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs):
        return
    total = sum(known, Decimal(0))
    Run.objects.filter(pk=run_id).update(cost_usd=total)
    tally = rollups.Tally(
        owner_id=run.owner_id,
        at=run.finished_at,
        operation=run.operation,
        provider=run.provider,
        model=run.model,
        origin=run.origin,
        unknown_cost=-1,
        cost_usd=total,
    )
    rollups.book([tally])
