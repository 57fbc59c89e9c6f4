from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings

from operations import registry, tokens, validation
from operations.registry import Operation

NINE = {
    "analytics-anomaly",
    "analytics-summary",
    "calendar-prep",
    "calendar-time",
    "email-classify",
    "email-compose",
    "email-respond",
    "task-breakdown",
    "task-prioritize",
}
LONG = "Wq “x” "  # of several bytes and tokens a word
every_operation = pytest.mark.parametrize(
    "operation", registry.all_operations(), ids=lambda operation: operation.slug
)


def text(length: int) -> str:
    return (LONG * length)[:length].strip()


# As long as 256 KiB and the limits of each field allow, or nearly.
LARGEST: dict[str, dict[str, Any]] = {
    "email-compose": {
        "purpose": text(2_000),
        "to": [text(300)] * 100,
        "context": text(20_000),
        "draft": text(20_000),
        "length": "long",
    },
    "email-classify": {
        "emails": [
            {"id": f"{text(190)}{n}", "subject": text(400), "body": text(200)} for n in range(100)
        ]
    },
    "email-respond": {
        "email": {"subject": text(1_000), "body": "Could you do this? " * 2_600},
        "instructions": text(5_000),
    },
    "calendar-prep": {
        "events": [
            {"id": f"{text(190)}{n}", "title": text(300), "start": "2026-11-23", "notes": text(200)}
            for n in range(50)
        ],
        "tasks": [text(490)] * 50,
        "emails": [text(500)] * 50,
    },
    "calendar-time": {
        "duration_minutes": 5,
        "window": {"start": "2026-01-01", "end": "2026-12-30"},
        "busy": [
            {
                "start": f"2026-{1 + n % 12:02}-{1 + n % 28:02}T{n % 24:02}:00",
                "end": f"2026-{1 + n % 12:02}-{1 + n % 28:02}T{n % 24:02}:50",
            }
            for n in range(2_000)
        ],
        "count": 20,
    },
    "task-prioritize": {
        "now": "2026-11-23",
        "tasks": [
            {"id": f"{text(190)}{n}", "title": text(480), "due": "2026-11-24"} for n in range(100)
        ],
    },
    "task-breakdown": {"title": text(500), "description": text(20_000), "max_steps": 30},
    "analytics-summary": {
        "series": [
            {"t": f"{1990 + n // 336}-{1 + n // 28 % 12:02}-{1 + n % 28:02}", "value": 1e15}
            for n in range(2_000)
        ]
    },
    "analytics-anomaly": {
        "series": [
            {"t": f"{1990 + n // 336}-{1 + n // 28 % 12:02}-{1 + n % 28:02}", "value": n**4 % 997}
            for n in range(2_000)
        ],
        "sensitivity": 1,
    },
}


def test_the_catalogue_holds_the_nine() -> None:
    assert {operation.slug for operation in registry.all_operations()} >= NINE


@every_operation
def test_the_example_is_valid_and_stable(operation: Operation[Any]) -> None:
    stored = validation.to_json(validation.parse(operation, operation.example))

    assert validation.to_json(validation.parse(operation, stored)) == stored
    assert json.loads(json.dumps(stored)) == stored


@every_operation
def test_the_rules_answer_the_example_in_the_type_of_the_result(operation: Operation[Any]) -> None:
    assert operation.rules is not None
    stored = validation.to_json(validation.parse(operation, operation.example))

    operation.result.model_validate(operation.rules(stored))


@every_operation
def test_the_largest_parameters_are_answered_and_their_prompt_is_bounded(
    operation: Operation[Any],
) -> None:
    assert operation.rules is not None
    parsed = validation.parse(operation, LARGEST[operation.slug])

    operation.result.model_validate(operation.rules(validation.to_json(parsed)))
    assert len(operation.prompt(parsed)) < 150_000
    assert operation.output_tokens(parsed) < 20_000


@every_operation
def test_there_is_room_for_the_answer_and_not_much_more(operation: Operation[Any]) -> None:
    assert operation.rules is not None
    parsed = validation.parse(operation, operation.example)
    answer = json.dumps(operation.rules(validation.to_json(parsed)))

    assert tokens.count(answer) < operation.output_tokens(parsed) < 16 * tokens.count(answer)


@every_operation
def test_an_unknown_parameter_is_refused_by_name(operation: Operation[Any]) -> None:
    with pytest.raises(validation.InvalidParameters) as refusal:
        validation.parse(operation, {**(operation.example or {}), "colour": "red"})

    assert set(refusal.value.problems) == {"colour"}


@every_operation
def test_a_form_can_be_made_of_the_parameters(operation: Operation[Any]) -> None:
    schema = operation.parameters.model_json_schema()

    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert operation.title
    assert operation.help.endswith(".")


@pytest.fixture
def _forget_after() -> Any:
    known = dict(registry._operations)
    yield
    registry._operations.clear()
    registry._operations.update(known)


@pytest.mark.usefixtures("_forget_after")
def test_a_new_operation_is_one_small_module_as_the_docs_show() -> None:
    docs = (settings.BASE_DIR / "docs" / "operations.md").read_text()
    module = docs.partition("```python\n")[2].partition("```")[0]

    exec(module, {"__name__": "operations.catalogue.text_count"})  # noqa: S102  # our own docs

    operation = registry.get("text-count")
    assert operation.rules is not None
    parsed = validation.parse(operation, operation.example)
    assert operation.rules(validation.to_json(parsed)) == {"words": 3}
    assert operation in registry.all_operations()


@every_operation
def test_the_docs_name_every_parameter_and_result(operation: Operation[Any]) -> None:
    docs = (settings.BASE_DIR / "docs" / "operations.md").read_text()
    chapter = docs.partition(f"### {operation.slug} (")[2].partition("\n##")[0]

    assert chapter.startswith(operation.tier)
    for model in (operation.parameters, operation.result):
        for name in model.model_fields:
            assert f"`{name}`" in chapter, name


def test_an_unknown_operation_names_those_there_are() -> None:
    with pytest.raises(registry.UnknownOperation, match="email-classify"):
        registry.get("email-clasify")


def test_an_answer_is_mended_where_the_database_would_refuse_it() -> None:
    answer = {
        "briefing": "a\x00b",
        "items": [{"event_id": "1", "preparation": ["x\ud83d"], "minutes_before": 5}],
    }

    stored = registry.get("calendar-prep").result.model_validate(answer).model_dump()

    assert stored["briefing"] == "ab"
    assert stored["items"][0]["preparation"] == ["x?"]
