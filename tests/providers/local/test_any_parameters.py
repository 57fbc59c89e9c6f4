"""Whatever validates gets an answer of the right form: nothing raises, nothing is NaN."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operations.registry import all_operations
from providers.local import mail, meetings, series, slots, tasks

CATEGORIES = {
    "urgent", "action", "meeting", "newsletter", "receipt", "personal", "spam", "other"
}  # fmt: skip
relaxed = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])

text = st.text(max_size=80) | st.sampled_from(
    ["", "Re: x", "a@b.example", "Anna <anna@b.example>", "<b>hi</b>", "please?", "{0}", "\x00",
     "1. a\n2. b", "https://zoom.example/1", "\ud83d\ude00", "-- \n", "> q\n\nOn x wrote:"]
)  # fmt: skip
zones = st.sampled_from(
    ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia",
     "America/Santiago", "Asia/Kathmandu", "Africa/Monrovia", "Nowhere/None", "", None]
)  # fmt: skip
naive = st.datetimes().map(lambda moment: moment.isoformat())
dates = st.dates().map(lambda day: day.isoformat())
near = st.datetimes(
    min_value=datetime(2026, 3, 20),  # noqa: DTZ001 wall-clock times
    max_value=datetime(2026, 4, 10),  # noqa: DTZ001
).map(lambda moment: moment.isoformat(timespec="seconds"))
aware = st.tuples(near, st.sampled_from(["Z", "+02:00", "-11:00", "+14:00", "+05:45"])).map("".join)
moments = st.one_of(near, near, aware, naive, dates, st.none(), text)
numbers = st.one_of(
    st.none(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=True, allow_infinity=True),
    st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str),
)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=dict(fields))


emails = optional(
    id=text, subject=text, body=text, received_at=moments,
    to=st.one_of(text, st.lists(text, max_size=2)), headers=st.dictionaries(text, text, max_size=2),
    **{"from": text},
)  # fmt: skip
tones = st.sampled_from(["professional", "friendly", "concise", "formal", None])
points = st.lists(st.fixed_dictionaries({"t": moments, "value": numbers}), max_size=40)


def answered(rules: Callable[[Any], dict[str, Any]], parameters: dict[str, Any]) -> dict[str, Any]:
    answer = rules(parameters)
    json.dumps(answer, allow_nan=False)
    return answer


@relaxed
@given(
    optional(
        purpose=text, to=st.one_of(text, st.lists(text, max_size=3)), subject=text, tone=tones,
        length=st.sampled_from(["short", "medium", "long", None]), context=text, draft=text,
        sender_name=text,
    )
)  # fmt: skip
def test_compose_answers_anything(parameters: dict[str, Any]) -> None:
    answer = answered(mail.compose, parameters)

    assert answer["subject"]
    assert answer["body"].strip()


@relaxed
@given(st.lists(emails, max_size=5))
def test_classify_answers_anything(given_emails: list[dict[str, Any]]) -> None:
    answer = answered(mail.classify, {"emails": given_emails})

    assert len(answer["classifications"]) == len(given_emails)
    for entry in answer["classifications"]:
        assert entry["category"] in CATEGORIES
        assert 1 <= entry["priority"] <= 5
        assert 0 <= entry["confidence"] <= 1
        assert 0 < len(entry["reason"]) <= 500


@relaxed
@given(
    emails,
    tones,
    st.sampled_from(["accept", "decline", "ask", "acknowledge", "answer", None]),
    text,
)
def test_respond_answers_anything(
    email: dict[str, Any], tone: str | None, intent: str | None, instructions: str
) -> None:
    answer = answered(
        mail.respond,
        {"email": email, "tone": tone, "intent": intent, "instructions": instructions},
    )

    assert answer["body"].strip()


@relaxed
@given(
    st.lists(
        optional(
            id=text, title=text, start=moments, end=moments,
            attendees=st.lists(text, max_size=4), location=text, notes=text,
        ),
        max_size=6,
    ),
    st.lists(st.one_of(text, optional(id=text, title=text, due=moments)), max_size=4),
    st.lists(st.one_of(text, emails), max_size=4),
    zones,
)  # fmt: skip
def test_prepare_answers_anything(
    events: list[dict[str, Any]], given_tasks: list[Any], given_emails: list[Any], zone: str | None
) -> None:
    answer = answered(
        meetings.prepare,
        {"events": events, "tasks": given_tasks, "emails": given_emails, "timezone": zone},
    )

    assert answer["briefing"]
    assert len(answer["items"]) == len(events)
    assert all(item["preparation"] and item["minutes_before"] >= 0 for item in answer["items"])


@relaxed
@given(
    st.fixed_dictionaries(
        {
            "duration_minutes": st.integers(1, 3000),
            "window": optional(start=moments, end=moments),
            "busy": st.lists(optional(start=moments, end=moments), max_size=8),
            "timezone": zones,
            "working_hours": st.one_of(
                st.none(),
                optional(
                    start=st.sampled_from(["00:00", "09:00", "22:30", "24:00", "02:30"]),
                    end=st.sampled_from(["00:00", "17:00", "06:00", "24:00", "01:30"]),
                    days=st.lists(st.integers(1, 7), max_size=7),
                ),
            ),
            "count": st.integers(1, 20),
            "now": moments,
        }
    )
)
def test_find_answers_anything(parameters: dict[str, Any]) -> None:
    answer = answered(slots.find, parameters)

    assert len(answer["slots"]) <= parameters["count"]
    assert all(0 <= slot["score"] <= 100 and slot["reason"] for slot in answer["slots"])
    assert answer["note"] or len(answer["slots"]) == parameters["count"]


@relaxed
@given(
    st.lists(
        optional(
            id=st.one_of(text, st.integers(0, 5)), title=text, due=moments, importance=numbers,
            effort_minutes=numbers, blocked_by=st.lists(st.integers(0, 5), max_size=3),
        ),
        max_size=8,
    ),
    moments,
    zones,
)  # fmt: skip
def test_prioritize_answers_anything(
    given_tasks: list[dict[str, Any]], now: str | None, zone: str | None
) -> None:
    answer = answered(tasks.prioritize, {"tasks": given_tasks, "now": now, "timezone": zone})

    assert [task["rank"] for task in answer["tasks"]] == list(range(1, len(given_tasks) + 1))
    assert all(0 <= task["score"] <= 100 for task in answer["tasks"])
    assert all(len(task["reason"]) <= 500 for task in answer["tasks"])


@relaxed
@given(points, st.one_of(numbers, st.sampled_from(["low", "medium", "high"])), zones)
def test_find_anomalies_answers_anything(
    given_points: list[dict[str, Any]], sensitivity: Any, zone: str | None
) -> None:
    answer = answered(
        series.find_anomalies,
        {"series": given_points, "sensitivity": sensitivity, "timezone": zone},
    )

    assert answer["note"]
    for entry in answer["anomalies"]:
        assert entry["expected_low"] <= entry["expected_high"]
        assert entry["direction"] in {"high", "low"}


figures = optional(
    runs=numbers, failed=numbers, cost_usd=numbers, latency_ms=numbers, input_tokens=numbers
)


@relaxed
@given(
    st.one_of(
        st.none(),
        optional(
            days=numbers, current=figures, previous=figures,
            by_operation=st.lists(figures, max_size=3), by_model=st.lists(figures, max_size=3),
            series=st.lists(optional(t=moments, runs=numbers, cost_usd=numbers), max_size=12),
        ),
    ),
    points,
    zones,
)  # fmt: skip
def test_summarize_answers_anything(
    usage: dict[str, Any] | None, given_points: list[dict[str, Any]], zone: str | None
) -> None:
    answer = answered(series.summarize, {"usage": usage, "series": given_points, "timezone": zone})

    assert answer["headline"]
    assert len(answer["points"]) <= 20
    assert all(trend["direction"] in {"up", "down", "flat"} for trend in answer["trends"])


def test_the_example_of_every_operation_gets_an_answer_of_its_form() -> None:
    answered_by_rules = 0
    for operation in all_operations():
        if operation.rules is None or operation.example is None:
            continue
        parameters = operation.parameters.model_validate(operation.example)
        answer = operation.rules(parameters.model_dump(mode="json", by_alias=True))
        operation.result.model_validate(answer)
        answered_by_rules += 1

    assert answered_by_rules >= 8
