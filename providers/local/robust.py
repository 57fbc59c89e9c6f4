"""Robust statistics: medians, spreads and slopes that a few wild values do not move."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from statistics import median

NORMAL = 1.4826  # median absolute deviation → standard deviation, for normal data
NORMAL_P90 = 1.645
NORMAL_MEAN = 1.2533
PAIRS = 20_000  # Theil-Sen looks at this many pairs at most


def spread(residuals: Sequence[float]) -> float:
    """Return a standard deviation from the median absolute deviation.

    Where more than half are the same (a series that is mostly zero) that is 0 and says nothing:
    then the 90th percentile serves, and after that the mean.
    """
    if not residuals:
        return 0.0
    sizes = sorted(map(abs, residuals))
    middle = median(sizes)
    if middle > 0:
        return NORMAL * middle
    ninetieth = sizes[max(len(sizes) * 9 // 10 - 1, 0)]
    if ninetieth > 0:
        return ninetieth / NORMAL_P90
    return NORMAL_MEAN * (sum(sizes) / len(sizes))


def medians_without_each(values: Sequence[float]) -> list[float]:
    """Return for each value the median of all the others; of a single value, itself."""
    count = len(values)
    if count < 2:
        return list(values)
    order = sorted(range(count), key=values.__getitem__)
    ranked = [values[position] for position in order]
    result = [0.0] * count
    low, high = (count - 2) // 2, (count - 1) // 2  # middle of the other count - 1
    for rank, position in enumerate(order):
        below = ranked[low + (rank <= low)]
        above = ranked[high + (rank <= high)]
        result[position] = below / 2 + above / 2
    return result


def slope(times: Sequence[float], values: Sequence[float]) -> float | None:
    """Return the Theil-Sen slope: the median slope over pairs; None without two distinct times."""
    count = len(values)
    if count * (count - 1) // 2 <= PAIRS:
        pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
    else:  # sampled, with a fixed seed so that equal questions get equal answers
        choose = random.Random(count)  # noqa: S311
        half = count // 2
        pairs = [(a, a + choose.randrange(half, count - a)) for a in _starts(choose, count - half)]
    slopes = [
        (values[b] - values[a]) / (times[b] - times[a]) for a, b in pairs if times[a] != times[b]
    ]
    finite = [value for value in slopes if math.isfinite(value)]
    return median(finite) if finite else None


def _starts(choose: random.Random, limit: int) -> list[int]:
    return [choose.randrange(limit) for _ in range(PAIRS)]


def number_of(value: object) -> float | None:
    """Return a finite number, from a number or a decimal string; None for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    # Beyond that, squares and sums of differences overflow.
    return number if math.isfinite(number) and abs(number) < 1e150 else None
