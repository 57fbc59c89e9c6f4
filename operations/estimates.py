"""What a run will probably cost: low, mid and high, from the owner's own runs. Values in, out.

Low and high are meant as P10 and P90. Everything is mixed in log space, where token counts are
about symmetric: the history of (owner, operation, model, prompt version) against a prior worth
three runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import exp, expm1, hypot, log, sqrt
from statistics import median
from typing import Final

from core.money import round_cost
from providers.pricing import RateCard
from providers.protocol import Usage

PRIOR_RUNS: Final = 3
ROUGH_BELOW: Final = 5  # runs; under it a page says "rough"
COUNT_SPREAD: Final = log(1.2)  # `tokens.count` is within 20 % of what a vendor counts
OUTPUT_SPREAD: Final = log(2)  # the prior is half the room of an answer: a quarter to all of it
UNLIKE: Final = log(1.5)  # a prompt so far outside the history's sizes is another kind of prompt


@dataclass(frozen=True, slots=True)
class Estimate:
    """USD that one run will cost: one in ten costs less than `low_usd`, one in ten over `high_usd`.

    `is_rough` where fewer than five like it have been seen.
    """

    low_usd: Decimal
    mid_usd: Decimal
    high_usd: Decimal
    is_rough: bool


@dataclass(frozen=True, slots=True)
class _Quantiles:
    """P10, P50 and P90 of logarithms."""

    low: float
    mid: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> _Quantiles:
        """Return the quantiles of at least one value.

        Taken at n + 1 rather than n - 1, or those of a few values would lie too close together.
        """
        ordered = sorted(values)
        last = len(ordered) - 1

        def at(share: float) -> float:
            place = min(max(share * (last + 2) - 1, 0.0), float(last))
            below = int(place)
            above = min(below + 1, last)
            return ordered[below] + (place - below) * (ordered[above] - ordered[below])

        return cls(at(0.1), at(0.5), at(0.9))


_NONE: Final = _Quantiles(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class History:
    """What past runs say about the next one. Made once per read of the ledger, and kept.

    `slope` is by how much an answer grows with its prompt (in logarithms, 0 to 1); `output` is what
    remains of the answers' logarithms once that is taken off. `bias` is by how much more the
    vendor counts in our prompts than we do (in logarithms): it may leave out what we put in, or
    the other way about, and that alone makes no prompt unlike those before.
    """

    runs: int = 0
    input: _Quantiles = _NONE
    slope: float = 0.0
    output: _Quantiles = _NONE
    bias: float = 0.0

    @classmethod
    def of(cls, runs: Sequence[tuple[int, int]], counts: Sequence[tuple[int, int]] = ()) -> History:
        """Summarise (input tokens, output tokens) of settled runs, in any order.

        `counts` are (input tokens, what `tokens.count` makes of that prompt) of some of them.
        """
        if not runs:
            return cls()
        inputs = [log(max(tokens, 1)) for tokens, _ in runs]
        outputs = [log(max(tokens, 1)) for _, tokens in runs]
        slope = _slope(inputs, outputs)
        rests = [y - slope * x for x, y in zip(inputs, outputs, strict=True)]
        biases = [log(max(sent, 1)) - log(max(counted, 1)) for sent, counted in counts]
        bias = median(biases) if biases else 0.0
        return cls(len(runs), _Quantiles.of(inputs), slope, _Quantiles.of(rests), bias)


def _slope(inputs: Sequence[float], outputs: Sequence[float]) -> float:
    """Return the slope of the regression line, drawn towards 0 where inputs hardly differ."""
    count = len(inputs)
    mean_x, mean_y = sum(inputs) / count, sum(outputs) / count
    together = sum((x - mean_x) * (y - mean_y) for x, y in zip(inputs, outputs, strict=True))
    apart = sum((x - mean_x) ** 2 for x in inputs)
    return min(max(together / (apart + PRIOR_RUNS * COUNT_SPREAD**2), 0.0), 1.0)


def estimate(
    *,
    input_tokens: int,
    history: History,
    prior_output: int,
    card: RateCard,
    at: datetime,
) -> Estimate | None:
    """Return what a run costs at the prices of the moment `at`, or None when no price is known.

    `input_tokens` is counted in the prompt to be sent, `prior_output` the answer to expect before
    any was seen. A prompt unlike all of the history is estimated without it. Tokens read from a
    vendor's cache are priced as fresh ones, so where caching helps the estimate is a little high.
    """
    counted = log(max(input_tokens, 1)) + history.bias
    runs = history.runs
    if not history.input.low - UNLIKE <= counted <= history.input.high + UNLIKE:
        runs = 0
    weight = runs / (runs + PRIOR_RUNS)
    size, size_spread = _size(counted, history, weight)
    answer = log(max(prior_output, 1))
    down = up = OUTPUT_SPREAD
    slope = weight * history.slope
    if weight:
        rest = history.output
        answer += weight * (history.slope * size + rest.mid - answer)
        down += weight * (rest.mid - rest.low - down)
        up += weight * (rest.high - rest.mid - up)
        # The prior draws the middle towards itself; what was seen stays within the range.
        seen = history.slope * size - answer
        down = max(down, -(seen + rest.low))
        up = max(up, seen + rest.high)

    sent, answered = round(exp(size)), round(exp(answer))
    mid = card.cost_usd(Usage(sent, answered), at=at)
    inward = card.cost_usd(Usage(sent, 0), at=at)
    if mid is None or inward is None:
        return None
    input_usd, output_usd = float(inward), float(mid - inward)

    def off(size_by: float, answer_by: float) -> float:
        """Return how far the cost moves; a wrong size moves the answer along its slope too."""
        by_size = input_usd * expm1(size_by) + output_usd * expm1(slope * size_by)
        return hypot(by_size, output_usd * expm1(answer_by))

    return Estimate(
        low_usd=round_cost(max(mid - Decimal(off(-size_spread, -down)), Decimal(0))),
        mid_usd=mid,
        high_usd=round_cost(mid + Decimal(off(size_spread, up))),
        is_rough=runs < ROUGH_BELOW,
    )


def _size(counted: float, history: History, weight: float) -> tuple[float, float]:
    """Return the logarithm of the prompt's tokens, and how far off it may be.

    Two witnesses, each trusted as far as it is narrow: the count, off by its known error, and the
    sizes seen, which know a vendor's own tokens but not this prompt.
    """
    if not weight:
        return counted, COUNT_SPREAD
    sizes = history.input
    seen = (sizes.high - sizes.low) / 2
    trust = weight * COUNT_SPREAD**2 / (COUNT_SPREAD**2 + seen**2)
    return counted + trust * (sizes.mid - counted), COUNT_SPREAD * sqrt(1 - trust)
