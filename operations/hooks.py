"""Callables of the apps above: news goes upward through these, never by an import or a signal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SettledRun:
    """What followers of a run need to know of its end. `cost_usd` is None when not known."""

    id: UUID
    owner_id: UUID
    operation: str
    origin: str
    status: str
    reason: str
    error: str
    cost_usd: Decimal | None
    finished_at: datetime


SettledHook = Callable[[Sequence[SettledRun], datetime], None]
TickHook = Callable[[datetime], datetime | None]

_settled: list[SettledHook] = []
_tick: list[TickHook] = []


def on_settled(hook: SettledHook) -> SettledHook:
    """Call `hook(runs, now)` inside every settling transaction; what it raises rolls that back."""
    _settled.append(hook)
    return hook


def on_tick(hook: TickHook) -> TickHook:
    """Call `hook(now)` in every engine loop, each 250 ms, in autocommit, from its database thread.

    `now` follows the database's clock. A hook that knows when it is needed next says so, and is
    called at that moment too. What it raises is logged; the loop goes on.
    """
    _tick.append(hook)
    return hook


def settled(runs: Sequence[SettledRun], now: datetime) -> None:
    for hook in _settled:
        hook(runs, now)


def tick_hooks() -> tuple[TickHook, ...]:
    return tuple(_tick)
