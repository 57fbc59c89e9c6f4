from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.conf import settings

from core import svg
from core.svg import Bar


def parsed(drawn: str) -> ElementTree.Element:
    return ElementTree.fromstring(drawn)  # noqa: S314 - our own text


def rects(drawn: str, class_: str | None = None) -> list[ElementTree.Element]:
    return [rect for rect in parsed(drawn).iter("rect") if rect.get("class") == class_]


def test_a_strip_shows_the_newest_bars_and_says_so() -> None:
    bars = [Bar("success", 1.0, f"Run {number}") for number in range(25)]

    drawn = svg.strip(bars, "Last 20 runs: all succeeded")

    assert parsed(drawn).get("aria-label") == "Last 20 runs: all succeeded"
    titles = [title.text for title in parsed(drawn).iter("title")]
    assert titles == [f"Run {number}" for number in range(5, 25)]


def test_empty_places_stand_before_the_bars() -> None:
    drawn = svg.strip([Bar("success", 1.0, "Run")], "Last 20 runs", slots=3)

    assert len(rects(drawn, "strip__empty")) == 2
    assert rects(drawn)[0].get("x") == "14"


def test_a_failed_bar_is_underlined() -> None:
    bars = [Bar("failed", 1.0, "Failed"), Bar("success", 1.0, "Fine")]

    failed, fine = parsed(svg.strip(bars, "Last 2 runs")).findall("g")

    assert len(failed.findall("rect")) == 2
    assert len(fine.findall("rect")) == 1


def test_bars_are_as_high_as_their_values_and_never_vanish() -> None:
    bars = [Bar("success", 0.0, "none"), Bar("success", 5.0, "half"), Bar("success", 10.0, "all")]

    heights = [float(rect.get("height", 0)) for rect in rects(svg.strip(bars, "x", slots=3))]

    assert heights == [4.3, 12.0, 24.0]


def test_markup_in_a_title_is_text() -> None:
    drawn = svg.strip([Bar("success", None, "<script>alert(1)</script>")], "x")

    assert "<script>" not in drawn


@pytest.mark.parametrize(
    ("spent", "held", "limit", "label", "spent_width", "held_width"),
    [
        ("4", "1", "10", "$4.00 spent, $1.00 held, $5.00 free; limit $10.00", "40.0%", "10.0%"),
        ("12", "0", "10", "$12.00 spent, $0.00 held, $0.00 free; limit $10.00", "100.0%", "0.0%"),
        ("8", "5", "10", "$8.00 spent, $5.00 held, $0.00 free; limit $10.00", "80.0%", "20.0%"),
        ("0", "0", "0", "$0.00 spent, $0.00 held, $0.00 free; limit $0.00", "0.0%", "0.0%"),
        ("3", "1", None, "$3.00 spent, $1.00 held; no limit", "75.0%", "25.0%"),
    ],
)
def test_a_budget_bar_shows_and_tells_its_parts(
    spent: str, held: str, limit: str | None, label: str, spent_width: str, held_width: str
) -> None:
    drawn = svg.budget_bar(Decimal(spent), Decimal(held), Decimal(limit) if limit else None)

    assert parsed(drawn).get("aria-label") == label
    assert [rect.get("width") for rect in rects(drawn, "budget__spent")] == [spent_width]
    assert [rect.get("width") for rect in rects(drawn, "budget__held")] == [held_width]


@pytest.mark.parametrize(("held", "tone"), [(1, "failed"), (0, "brand")])
def test_a_used_up_budget_is_marked_and_hatched_as_such(held: int, tone: str) -> None:
    drawn = svg.budget_bar(Decimal(9), Decimal(held), Decimal(10))

    layout = Path(settings.BASE_DIR, "templates/layouts/app.html").read_text()
    assert parsed(drawn).get("data-tone") == tone
    assert [rect.get("fill") for rect in rects(drawn)] == [f"url(#hatch-{tone})"]
    assert f'<pattern id="hatch-{tone}"' in layout


def test_a_sparkline_needs_two_values() -> None:
    assert svg.sparkline([1.0]) == ""
    assert "polyline" in svg.sparkline([1.0, 1.0])


def test_a_histogram_draws_every_value() -> None:
    drawn = svg.histogram([0, 1, 4], ["none", "one", "four"], "Runs by hour")

    heights = [float(rect.get("height", "0").rstrip("%")) for rect in rects(drawn)]
    assert heights == [5.0, 25.0, 100.0]
    assert [group.get("class", "").endswith("high") for group in parsed(drawn).findall("g")] == [
        False,
        False,
        True,
    ]
