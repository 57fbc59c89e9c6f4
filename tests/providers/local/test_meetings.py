from __future__ import annotations

import time
from typing import Any

import pytest

from providers.local import meetings


def event(
    identifier: str, title: str, start: str = "", end: str = "", **more: Any
) -> dict[str, Any]:
    return {
        "id": identifier,
        "title": title,
        "start": f"2026-11-23T{start}:00Z" if start else None,
        "end": f"2026-11-23T{end}:00Z" if end else None,
        **more,
    }


def prepare(*events: dict[str, Any], **more: Any) -> dict[str, Any]:
    return meetings.prepare({"events": list(events), **more})


def lines(answer: dict[str, Any], identifier: str) -> str:
    return "\n".join(
        next(item for item in answer["items"] if item["event_id"] == identifier)["preparation"]
    )


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("1:1 Anna / Sam", "one-to-one"),
        ("Design review", "review"),
        ("Interview: backend engineer", "interview"),
        ("Daily stand-up", "stand-up"),
        ("Product demo", "demo"),
        ("Client call Acme", "talk with a customer"),
        ("Dentist", "medical appointment"),
        ("Sprint planning", "planning"),
        ("Retro", "retrospective"),
        ("Flight to Oslo", "journey"),
        ("Lunch with Eva", "meal or social time"),
        ("Focus time", "time of your own"),
        ("Xyzzy", "meeting"),
    ],
)
def test_the_title_tells_the_kind(title: str, kind: str) -> None:
    assert f"{title} [{kind}]" in prepare(event("a", title, "09:00", "10:00"))["briefing"]


def test_one_other_person_makes_a_one_to_one() -> None:
    answer = prepare(event("a", "Budget", "09:00", "10:00", attendees=["Eva"]))

    assert "[one-to-one]" in answer["briefing"]


def test_items_come_in_order_of_start_with_the_time_they_need() -> None:
    answer = prepare(
        event("late", "Interview", "15:00", "16:00"), event("early", "Standup", "09:00", "09:15")
    )

    assert [item["event_id"] for item in answer["items"]] == ["early", "late"]
    assert [item["minutes_before"] for item in answer["items"]] == [5, 30]


def test_times_in_the_briefing_are_in_the_zone() -> None:
    answer = prepare(event("a", "Standup", "09:00", "09:15"), timezone="Asia/Kolkata")

    assert "14:30 to 14:45" in answer["briefing"]
    assert "Times are in Asia/Kolkata." in answer["briefing"]


def test_overlaps_are_named_on_both_sides() -> None:
    answer = prepare(
        event("a", "Alpha", "09:00", "10:00"),
        event("b", "Beta", "09:30", "10:30"),
        event("c", "Gamma", "10:30", "11:00"),
    )

    assert "Overlaps with Beta" in lines(answer, "a")
    assert "Overlaps with Alpha" in lines(answer, "b")
    assert "Overlaps" not in lines(answer, "c")
    assert "2 of them overlap" in answer["briefing"]


def test_a_short_way_between_two_places_is_a_warning_and_an_online_one_is_not() -> None:
    answer = prepare(
        event("a", "Alpha", "09:00", "10:00", location="Main St 1"),
        event("b", "Beta", "10:10", "11:00", location="Ring 5"),
        event("c", "Gamma", "11:15", "12:00", location="https://zoom.example/1"),
    )

    assert "Only 10 minutes to get from Main St 1 to Ring 5" in lines(answer, "b")
    assert "to get from" not in lines(answer, "c")


def test_back_to_back_is_said() -> None:
    answer = prepare(event("a", "Alpha", "09:00", "10:00"), event("b", "Beta", "10:00", "11:00"))

    assert "Follows right after “Alpha”" in lines(answer, "b")


def test_related_tasks_and_mails_are_found_by_words_and_people() -> None:
    answer = prepare(
        event("a", "Acme roadmap", "09:00", "10:00", attendees=["Jane Doe <jane@acme.example>"]),
        tasks=[{"id": 1, "title": "Finish roadmap slides", "due": "2026-11-23"}, "Buy milk"],
        emails=[
            {"from": "Jane Doe <jane@acme.example>", "subject": "Pricing questions"},
            {"from": "z@z.example", "subject": "Lunch"},
        ],
    )

    told = lines(answer, "a")
    assert "“Finish roadmap slides” (due Monday 23 November)" in told
    assert "“Pricing questions” from Jane Doe" in told
    assert "milk" not in told
    assert "Lunch" not in told


def test_a_crowd_without_an_agenda_is_advised_to_ask_for_one() -> None:
    crowd = {"attendees": ["a", "b", "c"]}

    assert "no agenda" in lines(prepare(event("a", "Sync", "09:00", "10:00", **crowd)), "a")
    assert "no agenda" not in lines(prepare(event("a", "Daily", "09:00", "09:15", **crowd)), "a")


def test_an_all_day_event_collides_with_nothing() -> None:
    holiday = {"id": "h", "title": "Holiday", "start": "2026-11-23", "end": "2026-11-24"}

    answer = prepare(holiday, event("a", "Alpha", "09:00", "10:00"))

    assert "all day: Holiday" in answer["briefing"]
    assert "Overlaps" not in lines(answer, "a")


def test_no_events_is_said() -> None:
    assert prepare() == {"briefing": "No events.", "items": []}


@pytest.mark.slow
def test_thousands_of_overlapping_events_take_seconds() -> None:
    crowd = [event(str(n), f"Budget {n}", "09:00", "10:00") for n in range(3000)]
    tasks = [f"Budget part {n}" for n in range(3000)]
    started = time.perf_counter()

    answer = prepare(*crowd, tasks=tasks)

    assert len(answer["items"]) == 3000
    assert "and 2996 more" in lines(answer, "7")
    assert time.perf_counter() - started < 20
