from __future__ import annotations

import json
from typing import Any

import pytest

from operations import registry, validation
from operations.validation import InvalidParameters

MAIL = {"id": "1", "body": "hello"}
TASK = {"id": "a", "title": "x"}
SPAN = {"start": "2026-11-23", "end": "2026-11-24"}


def problems(slug: str, parameters: Any) -> dict[str, str]:
    with pytest.raises(InvalidParameters) as refusal:
        validation.parse(registry.get(slug), parameters)
    assert str(refusal.value).startswith(f"{slug}: ")
    return refusal.value.problems


@pytest.mark.parametrize(
    ("slug", "parameters", "path", "problem"),
    [
        ("email-compose", {}, "purpose", "is required"),
        ("email-compose", {"purpose": " "}, "purpose", "must not be empty"),
        ("email-compose", {"purpose": 5}, "purpose", "must be text"),
        ("email-compose", {"purpose": "x" * 2_001}, "purpose", "at most 2000 characters"),
        ("email-compose", {"purpose": "x", "tone": "rude"}, "tone", "professional, friendly"),
        ("email-compose", {"purpose": "x", "to": {"a": 1}}, "to", "must be a list"),
        ("email-classify", {"emails": []}, "emails", "must not be empty"),
        ("email-classify", {"emails": [MAIL, {"body": "x"}]}, "emails[1].id", "is required"),
        ("email-classify", {"emails": [MAIL, MAIL]}, "emails", "“1” comes twice"),
        ("email-classify", {"emails": [{**MAIL, "cc": "x"}]}, "emails[0].cc", "not known"),
        ("email-classify", {"emails": "x"}, "emails", "must be a list"),
        ("email-classify", {"emails": [{"id": str(n)} for n in range(101)]}, "emails", "has 101"),
        ("email-respond", {"email": "hello"}, "email", "must be an object"),
        ("calendar-prep", {"events": [{"id": "1", "start": "soon"}]}, "events[0].start", "2026-"),
        (
            "calendar-prep",
            {"events": [{"id": "1", "start": "2026-11-24", "end": "2026-11-23"}]},
            "events[0]",
            "must not end before it starts",
        ),
        ("calendar-time", {"duration_minutes": 30}, "window", "is required"),
        ("calendar-time", {"duration_minutes": "x", "window": SPAN}, "duration_minutes", "whole"),
        ("calendar-time", {"duration_minutes": 4, "window": SPAN}, "duration_minutes", "least 5"),
        (
            "calendar-time",
            {"duration_minutes": 30, "window": SPAN, "timezone": "Mars/Base"},
            "timezone",
            "Europe/Berlin",
        ),
        (
            "calendar-time",
            {"duration_minutes": 30, "window": {"start": "2026-01-01", "end": "2027-03-01"}},
            "window",
            "at most 366 days",
        ),
        (
            "calendar-time",
            {"duration_minutes": 30, "window": {"start": "0001-01-01", "end": "9999-12-31"}},
            "window.start",
            "1970 to 2199",
        ),
        (
            "calendar-time",
            {"duration_minutes": 30, "window": SPAN, "working_hours": {"start": "9am"}},
            "working_hours.start",
            "09:00",
        ),
        ("task-prioritize", {"tasks": [{**TASK, "importance": 6}]}, "tasks[0].importance", "5"),
        ("task-breakdown", {"title": "x", "max_steps": 0}, "max_steps", "at least 1"),
        ("analytics-summary", {"days": 91}, "days", "at most 90"),
        ("analytics-summary", {"series": []}, "parameters", "at least one point"),
        ("analytics-anomaly", {}, "parameters", "need a “Metric”"),
        ("analytics-anomaly", {"metric": "joy"}, "metric", "cost, latency, failures"),
        ("analytics-anomaly", {"metric": "cost", "sensitivity": "extreme"}, "sensitivity", "low"),
        ("analytics-anomaly", {"series": [{"t": "2026-01-01"}]}, "series[0].value", "required"),
    ],
)
def test_a_bad_parameter_is_named(
    slug: str, parameters: dict[str, Any], path: str, problem: str
) -> None:
    found = problems(slug, parameters)

    assert path in found
    assert problem in found[path]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('"a\\u0000b"', "NUL"),
        ('"\\ud83d"', "half of a surrogate pair"),
        ("NaN", "finite"),
        ("1e999", "finite"),
        ("-Infinity", "finite"),
        ("1" + "0" * 400, "finite"),
    ],
)
def test_what_the_database_cannot_hold_is_refused_by_name(value: str, words: str) -> None:
    parameters = json.loads(f'{{"emails": [{{"id": "1", "headers": {{"x": {value}}}}}]}}')

    found = problems("email-classify", parameters)

    assert words in found["emails[0].headers.x"]


@pytest.mark.parametrize(
    "parameters",
    [None, [], "x", 5, {"purpose": object()}, {5: "x"}, {"pur\x00pose": "x"}, {"\udc00": 1}],
)
def test_what_is_no_json_object_is_refused(parameters: Any) -> None:
    assert problems("email-compose", parameters)


def test_bottomless_nesting_is_refused_without_recursion() -> None:
    deep: Any = "x"
    for _ in range(50_000):
        deep = [deep]

    assert "deeper than 20" in str(problems("email-compose", {"purpose": deep}))


def test_more_than_256_kib_are_refused() -> None:
    emails = [{"id": str(n), "body": "é" * 2_000} for n in range(70)]

    assert "256 KiB" in problems("email-classify", {"emails": emails})["parameters"]


def test_what_is_accepted_fits_when_it_is_read_again() -> None:
    operation = registry.get("email-classify")
    for length in range(2_600, 2_450, -2):
        emails = [{"id": str(n), "body": "x" * length} for n in range(100)]
        try:
            stored = validation.to_json(validation.parse(operation, {"emails": emails}))
        except InvalidParameters:
            continue
        assert validation.to_json(validation.parse(operation, stored)) == stored
        return
    pytest.fail("Nothing was accepted.")


def test_many_problems_make_one_sentence_and_are_all_kept() -> None:
    with pytest.raises(InvalidParameters) as refusal:
        validation.parse(registry.get("email-classify"), {"emails": [{} for _ in range(9)]})

    assert str(refusal.value).endswith("; and 4 more.")
    assert len(refusal.value.problems) == 9


def test_kind_forms_are_understood() -> None:
    operation = registry.get("calendar-prep")

    stored = validation.to_json(
        validation.parse(
            operation,
            {
                "events": [{"id": 7, "attendees": "Jo"}],
                "tasks": ["Write the report"],
                "emails": ["See you there"],
            },
        )
    )

    assert stored["events"][0]["id"] == "7"
    assert stored["events"][0]["attendees"] == ["Jo"]
    assert stored["tasks"][0]["title"] == "Write the report"
    assert stored["emails"][0]["body"] == "See you there"
    assert "from" in stored["emails"][0]
