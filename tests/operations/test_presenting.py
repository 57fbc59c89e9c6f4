from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import User
from core.ids import uuid7
from operations import outcomes, presenting, registry, rollups, validation
from operations.models import Run
from tests.builders import make_run
from tests.operations import hostile

SLUGS = [operation.slug for operation in registry.all_operations()]
ALLOWED_SCRIPT = {"type": "application/json"}


class Found(HTMLParser):
    """The tags of a page that could do something, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.bad: list[str] = []
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        handlers = [name for name in values if name.startswith("on") or name == "style"]
        links = [v for n, v in attrs if n in ("href", "src") and "javascript" in (v or "")]
        is_code = tag == "script" and values != ALLOWED_SCRIPT
        if tag in ("img", "iframe", "object", "style") or handlers or links or is_code:
            self.bad.append(f"{tag} {attrs}")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def finished(slug: str, owner: User | None = None, **more: Any) -> Run:
    """Return a run that succeeded, in memory."""
    operation = registry.get(slug)
    given = validation.to_json(operation.parameters.model_validate(operation.example))
    assert operation.rules is not None
    values = {"parameters": given, "result": operation.rules(given)} | more
    now = timezone.now()
    return Run(
        id=uuid7(),
        owner=owner or User(username="alice"),
        operation=slug,
        origin=Run.Origin.MANUAL,
        status=Run.Status.SUCCESS,
        provider="local",
        model="rules-1",
        created_at=now,
        started_at=now,
        finished_at=now,
        **values,
    )


def outcome_html(run: Run) -> str:
    context = {
        "run": run,
        "attempts": [],
        "presentation": presenting.present(run),
        "waiting": None,
        "unknown_usd": None,
    }
    return render_to_string("operations/_outcome.html", context)


def parameters_html(run: Run) -> str:
    shown = outcomes.parameters_of(run)
    return render_to_string("operations/results/_fields.html", {"fields": shown.fields})


@pytest.mark.parametrize("slug", SLUGS)
def test_each_operation_has_a_shape_of_its_own(slug: str) -> None:
    shown = presenting.present(finished(slug))

    assert shown is not None
    assert shown.template != "json"
    assert not shown.note


@pytest.mark.parametrize("slug", SLUGS)
def test_a_hostile_result_is_text_and_nothing_else(slug: str) -> None:
    operation = registry.get(slug)
    run = finished(
        slug,
        parameters=hostile.parameters_of(operation),
        result=hostile.result_of(operation),
    )

    found = Found(outcome_html(run) + parameters_html(run))

    assert found.bad == []
    assert "<script>window.pwned=1</script>" in "".join(found.text)  # it is there, as text


@pytest.mark.parametrize("slug", SLUGS)
def test_a_trap_is_tried_in_every_kind_of_result(slug: str) -> None:
    written = json.dumps(hostile.result_of(registry.get(slug)))

    assert "onerror" in written


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize(
    "result",
    [
        {},
        [],
        "text",
        7,
        {"old": {"form": ["<b>"]}},
        {"steps": None, "tasks": 3, "slots": "x"},
        {"text": hostile.LONG_LINE},
    ],
)
def test_a_result_of_another_version_is_shown_as_json_with_a_note(slug: str, result: Any) -> None:
    run = finished(slug, result=result)

    shown = presenting.present(run)

    assert shown is not None
    assert (shown.template, shown.note) == ("json", presenting.OTHER_VERSION)
    assert json.loads(shown.json) == result
    assert Found(outcome_html(run)).bad == []


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        [],
        None,
        "text",
        {"emails": [1, None, {"id": []}], "tasks": {"a": 1}, "timezone": "Mars/Olympus"},
        {"series": [{"t": 5, "value": "x"}, {"t": "2026-13-01"}, None], "email": "x", "to": 3},
        {"busy": [{"start": "0001-01-01T00:00:00+14:00"}], "timezone": "../../etc/passwd"},
    ],
)
def test_odd_parameters_never_break_the_result(slug: str, parameters: Any, alice: User) -> None:
    run = finished(slug, alice, parameters=parameters)

    shown = presenting.present(run)

    assert shown is not None
    assert shown.template != "json"
    assert "Result" in outcome_html(run)
    parameters_html(run)


def test_a_fault_in_a_shape_is_logged_and_shows_the_json(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(result: Any, given: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(presenting._SHAPES, "task-breakdown", ("steps", break_down))

    shown = presenting.present(finished("task-breakdown"))

    assert shown is not None
    assert shown.template == "json"
    assert "cannot be shown" in caplog.text


def test_a_result_of_an_operation_that_is_gone_is_shown_as_json() -> None:
    run = finished("task-breakdown")
    run.operation = "task-forgotten"

    shown = presenting.present(run)

    assert shown is not None
    assert shown.note == presenting.CATALOGUE_LOST


def test_a_run_without_a_result_shows_none() -> None:
    assert presenting.present(Run(operation="task-breakdown", result=None)) is None


def test_mails_are_listed_by_how_pressing_they_are_with_what_was_written() -> None:
    html = outcome_html(finished("email-classify"))

    assert html.index("Production database is down") < html.index("This week in gardening")
    assert "ops@example.com" in html


def test_free_times_stand_on_a_strip_by_day_and_hour() -> None:
    html = outcome_html(
        finished(
            "calendar-time",
            result={
                "slots": [
                    {
                        "start": "2030-11-26T10:00:00+01:00",
                        "end": "2030-11-26T10:45:00+01:00",
                        "score": 90,
                        "reason": "",
                    }
                ],
                "note": "",
            },
        )
    )

    assert "Free 10:00 to 10:45" in html
    assert "Busy 14:00 to 15:00" in html  # the 26th; the 25th has no slot and no line
    assert "Tue 26 Nov" in html
    assert "Mon 25 Nov" not in html


def test_steps_tell_their_order_length_and_what_they_wait_for() -> None:
    steps = [
        {"order": 2, "title": "Then this", "estimate_minutes": 90, "depends_on": [1]},
        {"order": 1, "title": "First this", "estimate_minutes": 30, "depends_on": []},
    ]

    html = outcome_html(finished("task-breakdown", result={"steps": steps}))

    assert html.index("First this") < html.index("Then this")
    assert "After step 1" in html
    assert "2 steps, 2 h of work in all" in html


def test_parameters_are_told_in_words_and_what_is_empty_is_left_out() -> None:
    shown = presenting.present_parameters(
        "task-breakdown",
        {
            "max_steps": 3,
            "title": "x",
            "description": "",
            "is_urgent": True,
            "window": {"start": "a", "end": None},
            "busy": [{"start": "b"}],
        },
    )

    told = [(field.label, field.text) for field in shown.fields]
    assert told == [
        ("Max steps", "3"),
        ("Title", "x"),
        ("Is urgent", "yes"),
        ("Window", "Start a"),
        ("Busy", ""),
    ]
    assert shown.fields[-1].entries[0][0].text == "Start b"
    assert json.loads(shown.json)["description"] == ""


def test_lists_of_objects_are_entries_and_never_code() -> None:
    (field,) = presenting.present_parameters("x", {"mail": {"headers": [{"name": "b"}]}}).fields

    (inner,) = field.entries[0]
    assert (inner.label, inner.entries[0][0].text) == ("Headers", "Name b")


def test_parameters_that_are_nested_too_deeply_are_json() -> None:
    parameters: dict[str, Any] = {}
    for _ in range(300):
        parameters = {"a": parameters}

    shown = presenting.present_parameters("x", parameters)

    assert (shown.fields, shown.json.count("{")) == ([], 301)


def test_a_long_list_of_parameters_says_how_much_it_leaves_out() -> None:
    shown = presenting.present_parameters("x", {"series": [{"t": n} for n in range(60)]})

    assert len(shown.fields[0].entries) == presenting.MOST_ENTRIES
    assert shown.fields[0].hidden == 10


@pytest.mark.parametrize(
    ("slug", "result"),
    [
        ("analytics-anomaly", {"anomalies": [], "note": ""}),
        ("analytics-summary", {"headline": "x", "points": [], "metrics": {}, "trends": []}),
    ],
)
def test_our_own_figures_are_drawn_up_to_the_day_before_the_run(
    alice: User, slug: str, result: dict[str, Any]
) -> None:
    given = {"days": 30} | ({"metric": "operations"} if slug == "analytics-anomaly" else {})
    yesterday = timezone.now() - timedelta(days=1)
    for at in (timezone.now() - timedelta(days=40), yesterday, timezone.now()):
        tally = rollups.Tally(alice.pk, at, "task-breakdown", "local", "m", "manual")
        rollups.book([replace(tally, runs=3, succeeded=3)])
    run = make_run(
        alice, operation=slug, status=Run.Status.SUCCESS, parameters=given, result=result
    )

    shown = presenting.present(run)

    assert shown is not None
    chart = shown.shown.chart
    assert chart.title == "Runs per day"
    assert len(chart.rows) == 29
    assert chart.rows[-1][:2] == (f"{yesterday.day} {yesterday:%b %Y}", "3")


def test_figures_of_the_first_days_have_no_chart_and_leave_out_what_is_unknown(
    alice: User,
) -> None:
    for at in (timezone.now() - timedelta(days=1), timezone.now()):
        tally = rollups.Tally(alice.pk, at, "task-breakdown", "local", "m", "manual")
        rollups.book([replace(tally, runs=3, succeeded=3)])
    result = {"headline": "x", "points": [], "metrics": {"runs": 6, "previous_latency_ms": None}}
    run = make_run(
        alice,
        operation="analytics-summary",
        status=Run.Status.SUCCESS,
        parameters={"days": 7},
        result=result,
    )

    shown = presenting.present(run)

    assert shown is not None
    assert shown.shown.chart is None
    assert [metric.label for metric in shown.shown.metrics] == ["Runs"]


def test_an_anomaly_on_the_day_of_the_run_is_drawn_as_it_was_found(alice: User) -> None:
    today = timezone.now().date().isoformat()
    anomaly = {
        "t": today,
        "value": 9,
        "expected_low": 0,
        "expected_high": 2,
        "score": 7,
        "direction": "high",
        "reason": "",
    }
    run = make_run(
        alice,
        operation="analytics-anomaly",
        status=Run.Status.SUCCESS,
        parameters={"metric": "operations", "days": 30},
        result={"anomalies": [anomaly], "note": ""},
    )

    shown = presenting.present(run)

    assert shown is not None
    marks = shown.shown.chart.figure["data"][-1]
    assert (marks["x"], marks["y"]) == ([f"{today} 00:00:00"], [9.0])
