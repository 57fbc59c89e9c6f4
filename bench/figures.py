"""How a figure is told: one line of JSON, beside its peers."""

from __future__ import annotations

import json
import math
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    name: str
    value: float
    note: str = ""


def ask(measure: Callable[[int], Peer | None], count: int) -> Peer | None:
    """Return what a peer does, or None, with a word on stderr, where it did not get through."""
    try:
        return measure(count)
    except (RuntimeError, TimeoutError) as error:
        print(f"{measure.__module__}.{measure.__name__} left out: {error}", file=sys.stderr)
        return None


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of all are not above."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def tell(
    figure: str,
    samples: Sequence[float],
    unit: str,
    *,
    reach: float,
    is_rate: bool = False,
    peers: Sequence[Peer | None] = (),
    note: str = "",
) -> None:
    """Print the median of `samples`, with the spread from the least to the most.

    `ratio` says how many times better than the (first) peer: above 1 Helix is. `reach` is the
    bound of the design, from above; with `is_rate`, more is better and it is one from below.
    """
    value = statistics.median(samples)
    told = [peer for peer in peers if peer is not None]

    def ratio(peer: Peer) -> float | None:
        over, under = (value, peer.value) if is_rate else (peer.value, value)
        return _short(over / under) if under else None

    first = told[0] if told else None
    notes = [note, *(f"{peer.name}: {peer.note}" for peer in told if peer.note)]
    line = {
        "figure": figure,
        "value": _short(value),
        "unit": unit,
        "peer": first and first.name,
        "peer_value": first and _short(first.value),
        "ratio": first and ratio(first),
        "spread": _short(max(samples) - min(samples)),
        "samples": len(samples),
        "reach": f"{'>=' if is_rate else '<'} {reach:g}",
        "is_met": value >= reach if is_rate else value < reach,
        "load": _short(os.getloadavg()[0]),
    }
    if told[1:]:
        line["more_peers"] = [
            {"peer": peer.name, "peer_value": _short(peer.value), "ratio": ratio(peer)}
            for peer in told[1:]
        ]
    if any(notes):
        line["note"] = "; ".join(filter(None, notes))
    print(json.dumps(line), flush=True)


def _short(value: float) -> float:
    """Return `value` with four digits that mean something."""
    return float(f"{value:.4g}")
