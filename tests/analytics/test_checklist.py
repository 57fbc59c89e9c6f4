from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from analytics.checklist import Beginning, checklist

NEW = Beginning(has_tried=False, has_schedule=False, has_fired=False, has_budget=False)


def test_somebody_new_has_four_steps_before_them() -> None:
    found = checklist(NEW)

    assert (found.done, found.total, found.is_done) == (0, 4, False)
    assert len(found.steps) == 5


@pytest.mark.parametrize(
    ("fact", "title"),
    [
        ("has_tried", "Try an operation"),
        ("has_schedule", "Make a schedule"),
        ("has_fired", "See it fire"),
        ("has_budget", "Set a monthly budget"),
    ],
)
def test_each_step_is_done_by_its_own_fact(fact: str, title: str) -> None:
    changes: dict[str, Any] = {fact: True}

    found = checklist(replace(NEW, **changes))

    assert [step.title for step in found.steps if step.is_done] == [title]


def test_a_provider_is_no_condition_of_being_done() -> None:
    found = checklist(Beginning(has_tried=True, has_schedule=True, has_fired=True, has_budget=True))

    assert found.is_done


def test_what_would_give_a_vendor_its_key_is_said() -> None:
    found = checklist(replace(NEW, variables=("A_KEY", "B_KEY", "C_KEY")))

    (step,) = [step for step in found.steps if step.is_optional]
    assert step.text.endswith("start Helix with A_KEY, B_KEY or C_KEY.")
    assert not step.is_done


def test_a_vendor_with_a_key_is_named() -> None:
    found = checklist(replace(NEW, ready=("OpenAI",), variables=("GEMINI_API_KEY",)))

    (step,) = [step for step in found.steps if step.is_optional]
    assert (step.text, step.is_done) == ("Ready: OpenAI.", True)
