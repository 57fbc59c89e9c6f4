"""Figures for Plotly as plain dicts: colours are names of tokens, which the browser looks up.

`static/js/charts.js` draws them; `components/chart.html` frames them. What people or models wrote
goes into a figure through `text` only, because Plotly reads a little HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

Figure = dict[str, Any]
Value = float | int | None

LONGEST_TEXT = 80  # characters of a label in a figure; the table beside it has all of it
CLEAR = "rgba(0,0,0,0)"


@dataclass(frozen=True, slots=True)
class Key:
    """An entry of the legend: a token of colour, what it stands for, and how it is drawn."""

    token: str  # "--c1"
    label: str
    shape: str = "line"  # or band, dot, bar

    @property
    def name(self) -> str:
        """Return the token as a class of the style sheet names it."""
        return self.token.removeprefix("--")


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure with all that stands around it. `finding` is one sentence: what it shows."""

    id: str
    title: str
    finding: str
    figure: Figure
    legend: Sequence[Key]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def text(value: str) -> str:
    """Return `value` as Plotly shows it and nothing else: no tag, no link, no line too long."""
    cut = value if len(value) <= LONGEST_TEXT else f"{value[: LONGEST_TEXT - 1]}…"
    return escape(" ".join(cut.split()))


def line(x: Sequence[str], y: Sequence[Value], *, color: str = "--c1", name: str = "") -> Figure:
    """Return a line; None leaves a gap."""
    return {
        "type": "scatter",
        "mode": "lines" if len(x) > 1 else "markers",
        "x": list(x),
        "y": list(y),
        "name": text(name),
        "line": {"color": color, "width": 1.75},
        "marker": {"color": color, "size": 6},
        "connectgaps": False,
    }


def bars(x: Sequence[str], y: Sequence[Value], *, color: str = "--c1", name: str = "") -> Figure:
    return {
        "type": "bar",
        "x": list(x),
        "y": list(y),
        "name": text(name),
        "marker": {"color": color, "cornerradius": 3},
    }


def band(
    x: Sequence[str],
    low: Sequence[Value],
    high: Sequence[Value],
    *,
    color: str = "--c1-soft",
) -> list[Figure]:
    """Return the ground between two lines, to be drawn before what lies on it."""
    edge = {
        "type": "scatter",
        "mode": "lines",
        "x": list(x),
        "line": {"width": 0, "color": CLEAR},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    filled = {"fill": "tonexty", "fillcolor": color}
    return [{**edge, "y": list(low)}, {**edge, "y": list(high), **filled}]


def points(
    x: Sequence[str],
    y: Sequence[Value],
    *,
    color: str = "--danger",
    name: str = "",
) -> Figure:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": list(x),
        "y": list(y),
        "name": text(name),
        "marker": {
            "color": color,
            "size": 9,
            "symbol": "circle",
            "line": {"color": "--surface", "width": 2},
        },
    }


def figure(
    traces: Sequence[Figure],
    *,
    is_time: bool = True,
    prefix: str = "",
    suffix: str = "",
    layout: Mapping[str, Any] | None = None,
) -> Figure:
    """Return traces with the layout that all figures share. `prefix` is the unit of the values."""
    ticks = {"tickprefix": text(prefix), "ticksuffix": text(suffix)}
    shared: Figure = {
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "font": {"size": 11, "color": "--text-3"},
        "margin": {"l": 52, "r": 12, "t": 8, "b": 40},
        "showlegend": False,
        "dragmode": False,
        "hovermode": "x unified" if is_time else "closest",
        "hoverlabel": {
            "bgcolor": "--raised",
            "bordercolor": "--line",
            "font": {"color": "--text", "size": 12},
        },
        "xaxis": {
            "type": "date" if is_time else "category",
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
            "linecolor": "--line",
            "nticks": 6,
        },
        "yaxis": {
            "gridcolor": "--line",
            "zeroline": False,
            "fixedrange": True,
            "nticks": 5,
            "rangemode": "tozero",
            **ticks,
        },
    }
    return {"data": list(traces), "layout": {**shared, **(layout or {})}}
