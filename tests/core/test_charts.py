from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from plotly import graph_objects  # type: ignore[import-untyped]  # it has no stubs

from core import charts
from operations import registry
from operations.catalogue.analytics_anomaly import Anomalies
from operations.results import figures
from operations.results.given import Given
from tests.operations import hostile
from tests.operations.test_presenting import finished

TOKEN = re.compile(r"--[\w-]+")
X = ["2026-11-01 00:00:00", "2026-11-02 00:00:00", "2026-11-03 00:00:00"]


def figures_drawn() -> Iterator[Any]:
    yield charts.figure([charts.line(X, [1.0, None, 3.0])], prefix="$")
    yield charts.figure([charts.bars(X, [1, 2, 3])], suffix=" ms", is_time=False)
    yield charts.figure([*charts.band(X, [0, 0, 0], [2, 2, 2]), charts.points(X, [1, 5, 1])])
    shapes: dict[str, Any] = {
        "analytics-anomaly": figures.anomalies,
        "analytics-summary": figures.summary,
    }
    for slug, shape in shapes.items():
        operation = registry.get(slug)
        for result in (finished(slug).result, hostile.result_of(operation)):
            shown = shape(operation.result.model_validate(result), Given(finished(slug)))
            yield shown.chart.figure


def coloured(value: Any, name: str = "") -> Any:
    """Put a colour in for each token, where `charts.js` does."""
    if isinstance(value, dict):
        return {key: coloured(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [coloured(each, name) for each in value]
    is_token = isinstance(value, str) and TOKEN.fullmatch(value) and re.search(r"colors?$", name)
    return "#5e65d5" if is_token else value


@pytest.mark.parametrize("figure", list(figures_drawn()))
def test_plotly_knows_every_attribute_of_a_figure(figure: Any) -> None:
    graph_objects.Figure(coloured(figure))


def test_a_wrong_attribute_would_be_found() -> None:
    wrong = charts.figure([{**charts.line(X, [1, 2, 3]), "colour": "--c1"}])

    with pytest.raises(ValueError, match="colour"):
        graph_objects.Figure(coloured(wrong))


@pytest.mark.parametrize("figure", list(figures_drawn()))
def test_every_token_of_a_figure_is_one_of_the_style_sheets(figure: Any) -> None:
    css = settings.BASE_DIR / "static/css"
    known = (css / "tokens.css").read_text() + (css / "pages/run.css").read_text()

    tokens = set(TOKEN.findall(json.dumps(figure)))

    assert tokens
    assert {token for token in tokens if f"{token}:" not in known} == set()


def test_text_for_plotly_has_no_tag_no_link_and_no_end_of_line() -> None:
    told = charts.text('<a href="javascript:x">a</a>\n' + "b" * 200)

    assert "<" not in told
    assert "\n" not in told
    assert told.startswith("&lt;a href=&quot;")
    assert told.endswith("…")


def test_units_are_escaped_as_well() -> None:
    figure = charts.figure([], prefix="<b>")

    assert figure["layout"]["yaxis"]["tickprefix"] == "&lt;b&gt;"


def test_unusual_values_are_marked_over_the_range_that_was_expected() -> None:
    run = finished("analytics-anomaly")

    shown = figures.anomalies(Anomalies.model_validate(run.result), Given(run))

    assert shown.chart is not None
    low, high, series, marks = shown.chart.figure["data"]
    assert high["fill"] == "tonexty"
    assert len(low["x"]) == len(series["x"]) == 14
    assert (marks["x"], marks["y"]) == (["2026-11-11 00:00:00"], [48.0])
    assert shown.chart.finding == "Series, 14 values from 1 Nov 2026 to 14 Nov 2026: 1 unusual."
    assert shown.chart.rows[10] == ("11 Nov 2026", "48", "0 to 21.07", "unusual")
