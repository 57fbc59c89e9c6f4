"""Small pictures drawn on the server. Sizes are attributes: the policy forbids inline styles.

Colours come from CSS, by class and by `data-tone`. Each says in words what it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

from core.units import usd, usd_left

BAR_WIDTH, BAR_GAP, BAR_HEIGHT = 5, 2, 24
LOWEST_BAR = 0.18  # of the height: what took no time is still there
UNKNOWN_BAR = 0.4


@dataclass(frozen=True, slots=True)
class Bar:
    """One run of a strip: its state, a size of any unit (None: not known), and what it says."""

    tone: str
    value: float | None
    title: str


def strip(bars: Sequence[Bar], label: str, *, slots: int = 20) -> SafeString:
    """Draw the newest `slots` of `bars`, oldest at the left, empty places first.

    Failed bars are underlined as well: colour alone would not say it to everybody.
    """
    bars = bars[-slots:]
    largest = max((bar.value for bar in bars if bar.value is not None), default=0.0)
    step = BAR_WIDTH + BAR_GAP
    width = slots * step - BAR_GAP
    # Escaped by hand: a list draws five hundred bars, and format_html takes four times as long.
    empty = "".join(
        f'<rect class="strip__empty" x="{place * step}" y="{BAR_HEIGHT - 2}"'
        f' width="{BAR_WIDTH}" height="2" rx="1"/>'
        for place in range(slots - len(bars))
    )
    drawn = "".join(
        _bar(bar, (slots - len(bars) + place) * step, _height(bar.value, largest))
        for place, bar in enumerate(bars)
    )
    return format_html(
        '<svg class="strip" role="img" aria-label="{}" width="{}" height="{}" viewBox="0 0 {} {}">'
        "{}{}</svg>",
        label,
        width,
        BAR_HEIGHT + 4,
        width,
        BAR_HEIGHT + 4,
        SafeString(empty),
        SafeString(drawn),
    )


def _bar(bar: Bar, x: int, height: float) -> str:
    underline = (
        f'<rect x="{x}" y="{BAR_HEIGHT + 2}" width="{BAR_WIDTH}" height="2"/>'
        if bar.tone == "failed"
        else ""
    )
    return (
        f'<g data-tone="{escape(bar.tone)}"><title>{escape(bar.title)}</title>'
        f'<rect x="{x}" y="{BAR_HEIGHT - height:g}" width="{BAR_WIDTH}" height="{height:g}"'
        f' rx="1.5"/>{underline}</g>'
    )


def _height(value: float | None, largest: float) -> float:
    if value is None:
        return BAR_HEIGHT * UNKNOWN_BAR
    share = value / largest if largest > 0 else LOWEST_BAR
    return round(BAR_HEIGHT * max(share, LOWEST_BAR), 1)


def budget_bar(spent: Decimal, held: Decimal, limit: Decimal | None) -> SafeString:
    """Draw what is spent, held (hatched) and free, with marks at 50 and 80 %.

    Without a limit the bar shows spent and held against their sum.
    """
    whole = limit if limit is not None else spent + held
    is_over = limit is not None and spent + held >= limit
    tone = "failed" if is_over else "brand"  # also names the hatch, a pattern of layouts/app.html
    spent_share = _percent(spent, whole)
    held_share = min(_percent(held, whole), 100 - spent_share)
    free = "" if limit is None else f", {usd_left(max(Decimal(0), limit - spent - held))} free"
    of = "no limit" if limit is None else f"limit {usd(limit)}"
    label = f"{usd(spent)} spent, {usd(held)} held{free}; {of}"
    marks = (
        SafeString("")
        if limit is None
        else format_html_join(
            "",
            '<rect class="budget__mark" x="{}%" width="1" height="100%"/>',
            ((50,), (80,)),
        )
    )
    return format_html(
        '<svg class="budget" role="img" aria-label="{}" width="100%" height="8" data-tone="{}">'
        '<rect class="budget__free" width="100%" height="100%"/>'
        '<rect class="budget__spent" width="{}%" height="100%"/>'
        '<rect class="budget__held" x="{}%" width="{}%" height="100%"/>'
        '<rect x="{}%" width="{}%" height="100%" fill="url(#hatch-{})"/>{}</svg>',
        label,
        tone,
        spent_share,
        spent_share,
        held_share,
        spent_share,
        held_share,
        tone,
        marks,
    )


def _percent(part: Decimal, whole: Decimal) -> float:
    if whole <= 0:
        return 100.0 if part > 0 else 0.0
    return float(round(min(part / whole, Decimal(1)) * 100, 2))


def sparkline(values: Sequence[float], label: str = "") -> SafeString:
    """Draw `values` as a line over the whole width of its place; nothing for fewer than two."""
    if len(values) < 2:
        return SafeString("")
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    step = 100 / (len(values) - 1)
    points = " ".join(
        f"{place * step:.2f},{22 - 20 * (value - low) / span:.2f}"
        for place, value in enumerate(values)
    )
    return format_html(
        '<svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" {}>'
        '<polygon class="spark__ground" points="0,24 {} 100,24"/>'
        '<polyline points="{}" vector-effect="non-scaling-stroke"/></svg>',
        format_html('role="img" aria-label="{}"', label)
        if label
        else SafeString('aria-hidden="true"'),
        points,
        points,
    )


def histogram(values: Sequence[int], titles: Sequence[str], label: str) -> SafeString:
    """Draw one bar per value, at least a hairline each; the upper half of them in full colour."""
    largest = max(values, default=0)
    step = 100 / max(len(values), 1)
    bars = format_html_join(
        "",
        '<g class="{}"><title>{}</title>'
        '<rect x="{}%" y="{}%" width="{}%" height="{}%" rx="2"/></g>',
        (
            (
                "histogram__bar histogram__bar--high" if value * 2 > largest else "histogram__bar",
                title,
                f"{place * step:.3f}",
                f"{100 - height:.2f}",
                f"{step * 0.72:.3f}",
                f"{height:.2f}",
            )
            for place, (value, title, height) in enumerate(
                (value, title, max(5.0, 100 * value / largest) if largest else 5.0)
                for value, title in zip(values, titles, strict=True)
            )
        ),
    )
    return format_html(
        '<svg class="histogram" role="img" aria-label="{}" width="100%" height="40">{}</svg>',
        label,
        bars,
    )
