from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.local import tasks
from providers.local.patterns import GENERAL, PATTERNS


def steps(title: str, description: str = "", max_steps: int = 8) -> list[dict[str, Any]]:
    answer = tasks.break_down({"title": title, "description": description, "max_steps": max_steps})
    listed: list[dict[str, Any]] = answer["steps"]
    return listed


def pattern(title: str, description: str = "") -> str:
    answer = tasks.break_down({"title": title, "description": description})
    text: str = answer["description"]
    return text


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Write the quarterly report", "writing"),
        ("Please fix the login crash on Android", "fixing a fault"),
        ("Build an export feature for the dashboard", "building software"),
        ("Organise the summer party", "organising an event"),
        ("Plan the team offsite in Lisbon", "organising an event"),
        ("Research options for a new CRM", "research"),
        ("Migrate the database to PostgreSQL 18", "migration"),
        ("Hire a backend engineer", "hiring"),
        ("Book flights and hotel for the trip to Oslo", "travel"),
        ("Prepare the slides for the keynote", "presentation"),
        ("Launch the newsletter campaign", "launch"),
        ("Buy new laptops", "buying"),
        ("File the VAT return", "accounts and taxes"),
        ("Clean the garage", "tidying up"),
        ("Xyzzy", "general"),
    ],
)
def test_the_kind_of_task_is_told_from_its_words(title: str, name: str) -> None:
    assert f"The pattern “{name}”" in pattern(title)


def test_every_pattern_is_in_order_and_depends_only_on_earlier_steps() -> None:
    for kind in (*PATTERNS, GENERAL):
        for position, step in enumerate(kind.steps, start=1):
            assert all(0 < earlier < position for earlier in step.after), (kind.name, step.title)


def test_a_list_in_the_description_becomes_the_steps() -> None:
    found = steps("Ship it", "To do:\n1. Call Bob (30 min)\n2. [ ] write the text\n3. Send it")

    assert [step["title"] for step in found] == ["Call Bob (30 min)", "Write the text", "Send it"]
    assert [step["depends_on"] for step in found] == [[], [1], [2]]
    assert found[0]["estimate_minutes"] == 30


def test_bullets_do_not_depend_on_each_other() -> None:
    assert all(not step["depends_on"] for step in steps("Ship it", "- one\n- two\n* three"))


def test_too_many_steps_are_folded_and_their_time_is_kept() -> None:
    whole, folded = steps("Migrate the database", "", 20), steps("Migrate the database", "", 4)

    assert len(folded) == 4
    assert sum(step["estimate_minutes"] for step in folded) == sum(
        step["estimate_minutes"] for step in whole
    )
    assert any("Carry out" in step["title"] for step in folded)
    assert "9 steps were folded into 4" in tasks.break_down(
        {"title": "Migrate the database", "max_steps": 4}
    )["description"]  # fmt: skip


def test_one_step_is_the_task_itself() -> None:
    assert [step["title"] for step in steps("frobnicate the bar", "", 1)] == ["Frobnicate the bar"]


def test_a_stated_effort_scales_the_estimates() -> None:
    found = steps("Write the manual", "It should take about 2 days.")

    assert sum(step["estimate_minutes"] for step in found) == pytest.approx(960, rel=0.1)
    assert "2 working days" in pattern("Write the manual", "It should take about 2 days.")


def test_a_small_task_takes_half_and_a_large_one_twice_the_time() -> None:
    def total(title: str) -> int:
        return sum(step["estimate_minutes"] for step in steps(title))

    assert total("Write a short report") < total("Write a report") < total("Write a large report")


def test_braces_in_a_title_are_text() -> None:
    assert "{it}" in " ".join(step["title"] for step in steps("Write {it} {0} {"))


@given(st.text(max_size=300), st.text(max_size=600), st.integers(1, 60))
def test_any_text_gives_steps_within_the_limit_that_can_be_followed(
    title: str, description: str, most: int
) -> None:
    found = steps(title, description, most)

    assert 1 <= len(found) <= most
    for position, step in enumerate(found, start=1):
        assert step["order"] == position
        assert step["title"].strip()
        assert step["estimate_minutes"] >= 5
        assert all(0 < earlier < position for earlier in step["depends_on"])
