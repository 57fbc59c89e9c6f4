"""How runs end: their rows, the rollups, and the news to the apps above."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from core import sql
from operations import hooks, rollups
from operations.engine.flight import Final
from operations.models import Run

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


def settle(finals: Sequence[Final], now: datetime, *, tells: bool = True) -> None:
    """Write the ends of runs, with their rollups and what follows, in the caller's transaction.

    Fenced by claim number and state; only rows that were still ours are counted anywhere.
    `tells=False` leaves the followers out: for a run whose followers cannot take the news.
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
    if tells:
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
