from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Literal

import pytest
from django import forms
from django.http import QueryDict
from django.template.loader import render_to_string
from pydantic import BaseModel

from operations import registry, validation
from operations.forms import ParameterForm
from operations.forms.parameters import Node
from operations.forms.shapes import shapes_of
from operations.registry import Operation

OPERATIONS = [operation.slug for operation in registry.all_operations()]


def posted(form: ParameterForm, **changes: Any) -> QueryDict:
    """Return what a browser sends of `form` as it is shown."""
    data = QueryDict(mutable=True)
    data[form.mode_name] = "json" if form.is_json else "form"
    for bound in form:
        value, widget = bound.value(), bound.field.widget
        if isinstance(widget, forms.CheckboxSelectMultiple):
            data.setlist(bound.html_name, [str(each) for each in value or []])
        elif not isinstance(widget, forms.CheckboxInput):
            data[bound.html_name] = "" if value is None else str(value)
        elif value:
            data[bound.html_name] = "on"
    stack = list(form.nodes)
    while stack:
        node = stack.pop()
        stack += node.nodes
        if node.kind == "list" and node.shape.has_rows:
            data[node.count_name] = str(len(node.nodes))
    for name, value in changes.items():
        data[form.add_prefix(name.replace("__", "-"))] = value
    return data


def send(
    slug: str, initial: Mapping[str, Any] | None = None, changes: Mapping[str, str] | None = None
) -> ParameterForm:
    """Return the form of an operation, filled in, changed and sent."""
    definition = registry.get(slug)
    shown = ParameterForm(definition, initial=initial)
    data = posted(shown)
    for name, value in (changes or {}).items():
        data[shown.add_prefix(name)] = value
    return ParameterForm(definition, data)


def html(form: ParameterForm) -> str:
    return render_to_string("operations/_parameters.html", {"parameters": form})


def node_of(form: ParameterForm, name: str) -> Node:
    return next(node for node in form.nodes if node.name == name)


@pytest.mark.parametrize("prefix", ["", "parameters"])
@pytest.mark.parametrize("slug", OPERATIONS)
def test_an_example_comes_back_as_it_was_filled_in(slug: str, prefix: str) -> None:
    definition = registry.get(slug)
    assert definition.example is not None
    shown = ParameterForm(definition, initial=definition.example, prefix=prefix)

    sent = ParameterForm(definition, posted(shown), prefix=prefix)

    assert sent.is_valid(), sent.errors
    assert not shown.is_json
    assert sent.parsed == validation.parse(definition, definition.example)


@pytest.mark.parametrize("slug", OPERATIONS)
def test_what_a_run_stores_fills_the_form_in_again(slug: str) -> None:
    definition = registry.get(slug)
    stored = validation.to_json(validation.parse(definition, definition.example))
    shown = ParameterForm(definition, initial=stored)

    sent = ParameterForm(definition, posted(shown))

    assert sent.is_valid(), sent.errors
    assert not shown.is_json
    assert validation.to_json(validation.parse(definition, sent.parameters)) == stored


@pytest.mark.parametrize("slug", OPERATIONS)
def test_json_says_the_same_as_the_fields(slug: str) -> None:
    definition = registry.get(slug)
    shown = ParameterForm(definition, initial=definition.example, as_json=True)

    sent = ParameterForm(definition, posted(shown))

    assert sent.is_valid(), sent.errors
    assert sent.parameters == definition.example


@pytest.mark.parametrize("slug", OPERATIONS)
def test_every_field_has_a_label_and_its_own_id(slug: str) -> None:
    form = ParameterForm(registry.get(slug), initial=registry.get(slug).example)
    text = html(form)

    ids = [part.split('"')[0] for part in text.split(' id="')[1:]]
    assert len(ids) == len(set(ids))
    for bound in form:
        assert bound.label
        assert f'id="{bound.auto_id}"' in text or f'id="{bound.auto_id}_0"' in text


def test_fields_follow_the_type() -> None:
    class Part(BaseModel):
        name: str

    class Odd(BaseModel):
        word: str
        level: Literal["low", "high"] = "low"
        count: int = 3
        share: float | None = None
        price: Decimal | None = None
        is_loud: bool = False
        at: datetime | None = None
        day: date | None = None
        hour: time | None = None
        part: Part | None = None
        parts: list[Part] = []
        names: list[str] = []
        labels: dict[str, str] = {}
        anything: dict[str, list[int]] = {}

    assert [shape.kind for shape in shapes_of(Odd)] == [
        *("long", "choice", "whole", "number", "number", "truth", "moment", "date", "time"),
        *("object", "list", "texts", "pairs", "json"),
    ]


def test_fields_left_empty_are_left_out() -> None:
    form = send("email-compose", changes={"purpose": "Say hello"})

    assert form.is_valid(), form.errors
    assert form.parameters == {
        "purpose": "Say hello",
        "tone": "professional",
        "length": "medium",
    }


def test_limits_of_the_type_are_told_to_the_browser() -> None:
    text = html(ParameterForm(registry.get("task-breakdown")))

    assert 'type="number" name="parameters-max_steps" value="8" min="1" max="30" step="1"' in text


@pytest.mark.parametrize(
    ("slug", "changes", "field", "told"),
    [
        ("task-breakdown", {"title": ""}, "title", "This is required."),
        ("task-breakdown", {"title": "x", "max_steps": "many"}, "max_steps", "whole number"),
        ("task-breakdown", {"title": "x", "max_steps": "31"}, "max_steps", "at most 30"),
        ("task-breakdown", {"title": "a\x00b"}, "title", "NUL"),
        ("task-breakdown", {"title": "\ud800"}, "title", "surrogate"),
        ("task-breakdown", {"title": "x" * 501}, "title", "at most 500"),
        ("email-compose", {"purpose": "x", "tone": "rude"}, "tone", "must be one of"),
        ("calendar-time", {"duration_minutes": "30"}, "window", "This is required."),
        (
            "calendar-time",
            {"duration_minutes": "30", "window-start": "tomorrow", "window-end": "2026-12-01"},
            "window-start",
            "must be a date or a moment",
        ),
        (
            "calendar-time",
            {"duration_minutes": "30", "window-start": "2026-12-02", "window-end": "2026-12-01"},
            "window",
            "must not end before it starts",
        ),
        ("calendar-time", {"timezone": "Mars/Base"}, "timezone", "must be a time zone"),
        ("calendar-time", {"working_hours-start": "25:00"}, "working_hours-start", "time of day"),
        ("calendar-time", {"busy-paste": "a to b"}, "busy-paste", "Line 1, busy time 1: start"),
        ("analytics-anomaly", {"sensitivity": "extreme"}, "sensitivity", "low, medium or high"),
        ("analytics-anomaly", {}, "__all__", "need a “Metric” to watch or a “Series”"),
        ("email-classify", {}, "emails-paste", "This is required."),
        (
            "email-classify",
            {"emails-paste": "From: a\nSubject: " + "x" * 1_001 + "\n\nHi"},
            "emails-paste",
            "Line 1, e-mail 1: subject must have at most 1000 characters.",
        ),
        ("email-classify", {"emails-paste": "["}, "emails-paste", "is not JSON"),
        ("email-classify", {"emails-paste": '{"a":' * 99_999}, "emails-paste", "too deeply"),
        ("email-classify", {"emails-paste": "x" * 60_000}, "emails-paste", "at most 50000"),
        ("email-respond", {"email-headers": "no colon"}, "email-headers", "Line 1 must be a name"),
        ("email-respond", {"email-paste": "From: a\n\nFrom: b\n"}, "email-paste", "paste one"),
        ("task-prioritize", {"tasks-paste": "Pay|soon"}, "tasks-paste", "Line 1, task 1: due"),
    ],
)
def test_a_wrong_value_is_told_at_its_field(
    slug: str, changes: dict[str, str], field: str, told: str
) -> None:
    form = send(slug, changes=changes)

    assert not form.is_valid()
    assert told in " ".join(map(str, form.errors[field]))


def test_what_is_one_of_few_words_is_a_choice() -> None:
    definition = registry.get("analytics-anomaly")

    plain = ParameterForm(definition)
    own = ParameterForm(definition, initial={"metric": "cost", "sensitivity": 2.5})
    again = send("analytics-anomaly", initial={"metric": "cost", "sensitivity": 2.5})

    assert '<option value="medium" selected>Medium</option>' in str(plain["sensitivity"])
    assert '<option value="operations">Runs</option>' in str(plain["metric"])
    assert '<option value="2.5" selected>2.5</option>' in str(own["sensitivity"])
    assert again.is_valid()
    assert again.parameters["sensitivity"] == 2.5


@pytest.mark.parametrize(("word", "number"), [("low", 1), ("Medium", 3), ("HIGH", 5)])
def test_importance_may_be_a_word(word: str, number: int) -> None:
    form = send("task-prioritize", changes={"tasks-paste": f"Pay | | {word}"})

    assert form.is_valid()
    assert form.parameters["tasks"][0]["importance"] == number


def test_tasks_wait_for_each_other_by_title_wherever_they_stand() -> None:
    row = {"tasks": [{"title": "Write notes", "blocked_by": ["Deploy fix"]}]}
    pasted = "Deploy fix | 2026-11-23 | 5 | 30 | Review PR\nReview PR | | 3 | 20 | sign off"
    extra = {"tasks": [*row["tasks"], {"title": "Sign off"}]}

    form = send("task-prioritize", initial=extra, changes={"tasks-paste": pasted})

    assert form.is_valid(), form.errors
    tasks = {task["title"]: task for task in form.parameters["tasks"]}
    ids = {title: task["id"] for title, task in tasks.items()}
    assert len(set(ids.values())) == 4
    assert tasks["Write notes"]["blocked_by"] == [ids["Deploy fix"]]
    assert tasks["Deploy fix"]["blocked_by"] == [ids["Review PR"]]
    assert tasks["Review PR"]["blocked_by"] == [ids["Sign off"]]


def test_an_importance_that_is_none_is_told() -> None:
    form = send("task-prioritize", changes={"tasks-paste": "Pay | | huge"})

    assert form.errors["tasks-paste"] == [
        "Line 1, task 1: importance must be a whole number from 1 to 5, or low, medium or high."
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is required"),
        ("{", "line 1, column 2"),
        ("[]", "must be an object"),
        ("[" * 100_000, "too deeply"),
        ('{"title": "x", "colour": "red"}', "Colour is not a parameter"),
        ('{"title": NaN}', "Title must be a finite number"),
        ('{"title": {"a": ' * 30 + "1" + "}}" * 30, "nested deeper"),
        ('{"title": "x", "max_steps": ' + "9" * 5_000 + "}", "too long"),
    ],
)
def test_wrong_json_is_told_at_the_editor(text: str, told: str) -> None:
    definition = registry.get("task-breakdown")
    data = QueryDict(mutable=True)
    data.update({"parameters-mode": "json", "parameters-json": text})
    form = ParameterForm(definition, data)

    assert not form.is_valid()
    assert told in " ".join(map(str, form.errors["json"]))


def test_parameters_that_are_too_large_are_refused_as_a_whole() -> None:
    mails = "".join(f"From: {number}@example.com\n\n{'x' * 49_000}\n\n" for number in range(6))

    form = send("email-classify", changes={"emails-paste": mails})

    assert not form.is_valid()
    assert form.non_field_errors() == [
        "Parameters must be at most 256 KiB and are 287 KiB; split them into several runs."
    ]


def test_markup_is_shown_as_text() -> None:
    markup = "<script>alert(1)</script>"
    form = send(
        "email-classify",
        initial={"emails": [{"id": "1", "from": markup, "subject": markup, "body": markup}]},
        changes={"emails-paste": f"From: {markup}\nSubject: {markup}\n\n{markup}"},
    )
    form.is_valid()

    assert "<script>" not in html(form)
    assert html(form).count("&lt;script&gt;") >= 6


# --- lists ----------------------------------------------------------------------------------------


def test_pasted_mails_stand_behind_those_in_fields_and_are_numbered() -> None:
    first = {"id": "1", "subject": "In fields"}

    form = send(
        "email-classify",
        initial={"emails": [first]},
        changes={"emails-paste": "From: jo@example.com\nSubject: Pasted\n\nHi"},
    )

    assert form.is_valid(), form.errors
    assert [(mail["id"], mail["subject"]) for mail in form.parameters["emails"]] == [
        ("1", "In fields"),
        ("2", "Pasted"),
    ]


def test_ids_are_never_given_twice() -> None:
    form = send(
        "task-prioritize",
        initial={"tasks": [{"id": "2", "title": "A"}]},
        changes={"tasks-paste": "B\nC"},
    )

    assert form.is_valid(), form.errors
    assert len({task["id"] for task in form.parameters["tasks"]}) == 3


def test_a_row_that_says_nothing_is_left_out() -> None:
    form = send("task-prioritize", initial={"tasks": [{"id": "a", "title": "A"}, {}]})

    assert form.is_valid(), form.errors
    assert [task["id"] for task in form.parameters["tasks"]] == ["a"]


def test_a_problem_finds_its_row_past_an_empty_one() -> None:
    form = send(
        "task-prioritize",
        initial={"tasks": [{}, {"id": "a", "title": "A"}]},
        changes={"tasks-1-importance": "9"},
    )

    assert not form.is_valid()
    assert form.errors["tasks-1-importance"] == [
        "This must be a whole number from 1 to 5, or low, medium or high."
    ]


def test_a_problem_of_a_whole_row_stands_above_it() -> None:
    event = {"id": "e", "title": "Review", "start": "2026-11-24", "end": "2026-11-23"}

    form = send("calendar-prep", initial={"events": [event]})

    assert not form.is_valid()
    assert node_of(form, "events").nodes[0].errors == ["This must not end before it starts."]
    assert "This must not end before it starts." in html(form)


def test_adding_a_row_keeps_what_was_typed_and_says_nothing_wrong() -> None:
    form = send(
        "task-prioritize",
        initial={"tasks": [{"id": "a", "title": "A"}]},
        changes={"tasks-0-importance": "many", "tasks-paste": "B|C", "add": "tasks"},
    )

    assert form.is_rearranged
    assert not form.errors
    assert len(node_of(form, "tasks").nodes) == 2
    assert form["tasks-0-importance"].value() == "many"
    assert form["tasks-paste"].value() == "B|C"


def test_removing_a_row_moves_the_others_up() -> None:
    tasks = [{"id": each, "title": each.upper()} for each in "abc"]

    form = send("task-prioritize", initial={"tasks": tasks}, changes={"remove": "tasks-1"})

    assert form.is_rearranged
    assert [row.summary[0] for row in node_of(form, "tasks").nodes] == ["A", "C"]


def test_what_is_pasted_becomes_rows() -> None:
    form = send(
        "email-classify",
        changes={"emails-paste": "From: a\n\nX\n\nFrom: b\n\nY", "unpack": "emails"},
    )

    assert [row.summary for row in node_of(form, "emails").nodes] == ["a · X", "b · Y"]
    assert form["emails-paste"].value() == ""


def test_the_editors_change_into_one_another() -> None:
    definition = registry.get("task-breakdown")
    as_json = send("task-breakdown", changes={"title": "Paint", "as": "json"})
    again = ParameterForm(definition, posted(as_json, **{"as": "form"}))

    assert as_json.is_json
    assert json.loads(as_json["json"].value()) == {"title": "Paint", "max_steps": 8}
    assert not again.is_json
    assert again["title"].value() == "Paint"


def test_a_long_list_stays_text() -> None:
    text = "\n".join(f"Task {number}" for number in range(26))
    tasks = {"tasks": [{"id": str(number), "title": "x"} for number in range(26)]}

    pasted = send("task-prioritize", changes={"tasks-paste": text, "unpack": "tasks"})
    shown = ParameterForm(registry.get("task-prioritize"), initial=tasks)
    sent = ParameterForm(shown.definition, posted(shown))

    assert pasted["tasks-paste"].value() == text
    assert node_of(pasted, "tasks").nodes == node_of(shown, "tasks").nodes == []
    assert sent.is_valid(), sent.errors
    assert sent.parameters["tasks"] == tasks["tasks"]


@pytest.mark.parametrize("slug", OPERATIONS)
@pytest.mark.parametrize("target", ["json", "form"])
def test_an_empty_form_changes_its_editor_too(slug: str, target: str) -> None:
    definition = registry.get(slug)
    shown = ParameterForm(definition, as_json=target == "form")

    changed = ParameterForm(definition, posted(shown, **{"as": target}))

    assert changed.is_rearranged
    assert changed.is_json == (target == "json")
    assert html(changed)


def test_json_that_is_asked_for_again_stays() -> None:
    as_json = send("task-breakdown", changes={"title": "Paint", "as": "json"})

    again = ParameterForm(as_json.definition, posted(as_json, **{"as": "json"}))

    assert "Paint" in again["json"].value()


def test_json_that_fields_cannot_show_stays_json() -> None:
    data = QueryDict(mutable=True)
    data.update({"mode": "json", "json": '{"title": {"en": "Paint"}}', "as": "form"})

    form = ParameterForm(registry.get("task-breakdown"), data, prefix="")

    assert form.is_json
    assert '"en": "Paint"' in form["json"].value()


@pytest.mark.parametrize("target", ["", "tasks", "tasks-99", "nothing-0", "now-0", "-", "tasks-x"])
@pytest.mark.parametrize("verb", ["add", "remove", "unpack", "as"])
def test_a_button_that_is_not_there_does_no_harm(verb: str, target: str) -> None:
    tasks = [{"id": "a", "title": "A"}]

    form = send("task-prioritize", initial={"tasks": tasks}, changes={verb: target})

    assert form.is_rearranged
    assert len(node_of(form, "tasks").nodes) in {1, 2}


@pytest.mark.parametrize("count", ["-1", "x", "", "999999999"])
def test_no_count_of_rows_is_believed(count: str) -> None:
    form = send("task-prioritize", changes={"tasks-count": count, "tasks-paste": "A"})

    assert form.is_valid(), form.errors
    assert len(node_of(form, "tasks").nodes) <= 100


# --- partial --------------------------------------------------------------------------------------


def test_defaults_of_a_person_may_leave_out_what_is_required() -> None:
    definition = registry.get("email-compose")
    shown = ParameterForm(definition, initial={"tone": "friendly"}, is_partial=True)

    sent = ParameterForm(definition, posted(shown), is_partial=True)

    assert sent.is_valid(), sent.errors
    assert sent.parameters == {"tone": "friendly"}


def test_a_switch_in_defaults_may_say_nothing() -> None:
    definition = registry.get("analytics-summary")
    unsaid = ParameterForm(
        definition, posted(ParameterForm(definition, is_partial=True)), is_partial=True
    )
    shown = ParameterForm(definition, initial={"include_trends": False}, is_partial=True)
    said = ParameterForm(definition, posted(shown), is_partial=True)

    assert (unsaid.is_valid(), said.is_valid()) == (True, True)
    assert unsaid.parameters == {}
    assert said.parameters == {"include_trends": False}


def test_problems_of_a_service_find_their_fields() -> None:
    definition = registry.get("email-compose")
    form = ParameterForm(definition, posted(ParameterForm(definition)), is_partial=True)
    form.is_valid()

    form.add_problems({"tone": "must be one of these", "nowhere": "is not a parameter"})

    assert form.errors == {
        "tone": ["This must be one of these."],
        "__all__": ["Nowhere is not a parameter."],
    }


def test_defaults_hold_where_a_field_is_left_empty() -> None:
    definition: Operation[Any] = registry.get("email-compose")
    data = posted(ParameterForm(definition))
    data["parameters-purpose"] = ""

    form = ParameterForm(definition, data, defaults={"purpose": "Greet"})

    assert form.is_valid(), form.errors
    assert "purpose" not in form.parameters
    assert form.parsed is not None
    assert form.parsed.model_dump()["purpose"] == "Greet"
