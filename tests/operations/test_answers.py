from __future__ import annotations

import pytest

from operations import registry
from operations.answers import each_once

MAILS = {"emails": [{"id": "1"}, {"id": "2"}]}
check = each_once("emails", "classifications")


def answer(*ids: str) -> dict[str, object]:
    return {"classifications": [{"id": id_} for id_ in ids]}


def test_every_entry_once_in_any_order_is_right() -> None:
    assert check(MAILS, answer("2", "1")) == ""


@pytest.mark.parametrize(
    ("ids", "fault"),
    [
        (("1",), "classifications: 2 are missing"),
        (("1", "2", "3"), "classifications: 3 are not among those given"),
        (("1", "2", "2"), "classifications: 2 stand there more than once"),
        ((), "classifications: 1, 2 are missing"),
    ],
)
def test_what_is_missing_invented_or_doubled_is_said(ids: tuple[str, ...], fault: str) -> None:
    assert check(MAILS, answer(*ids)) == fault


@pytest.mark.parametrize("slug", ["email-classify", "task-prioritize", "calendar-prep"])
def test_rules_answer_for_each_entry_of_the_example(slug: str) -> None:
    operation = registry.get(slug)
    assert operation.check is not None
    assert operation.rules is not None
    given = operation.parameters.model_validate(operation.example)
    parameters = given.model_dump(mode="json", by_alias=True)

    result = operation.result.model_validate(operation.rules(parameters))

    assert operation.check(parameters, result.model_dump(mode="json")) == ""
