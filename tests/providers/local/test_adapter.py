from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import BaseModel

from providers.local.adapter import LocalAdapter
from providers.protocol import (
    Completion,
    InvalidAnswer,
    ModelNotFound,
    ProviderError,
    Request,
    Rules,
    Unavailable,
    Usage,
)


class Echo(BaseModel):
    text: str


def complete(rules: Rules | None, *, timeout_s: float = 5) -> Completion:
    request = Request(
        operation="echo",
        model="rules-1",
        instructions="",
        prompt="",
        result_type=Echo,
        parameters={"text": "hello"},
        rules=rules,
        max_output_tokens=10,
        timeout_s=timeout_s,
    )

    async def call() -> Completion:
        adapter = LocalAdapter()
        try:
            return await adapter.complete(request)
        finally:
            await adapter.aclose()

    return asyncio.run(call())


def echo(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"text": parameters["text"]}


def test_rules_answer_for_free() -> None:
    completion = complete(echo)

    assert completion.result == {"text": "hello"}
    assert completion.usage == Usage(0, 0)
    assert completion.model == "rules-1"


def test_rules_run_outside_the_event_loops_thread() -> None:
    completion = complete(lambda _: {"text": threading.current_thread().name})

    assert completion.result["text"] != threading.main_thread().name


def test_an_operation_without_rules_asks_for_a_model() -> None:
    with pytest.raises(ModelNotFound, match="“echo” has no rules; choose a model"):
        complete(None)


def test_rules_that_raise_are_unavailable_and_open_no_circuit() -> None:
    def broken(parameters: Mapping[str, Any]) -> dict[str, Any]:
        raise ZeroDivisionError("nothing to divide by")

    with pytest.raises(Unavailable, match="ZeroDivisionError: nothing to divide by") as caught:
        complete(broken)

    assert not caught.value.trips_circuit
    assert not caught.value.retry_here
    assert caught.value.try_elsewhere


def test_an_answer_of_the_wrong_form_is_invalid() -> None:
    with pytest.raises(InvalidAnswer, match="wrong form") as caught:
        complete(lambda _: {"text": None})

    assert caught.value.answer == '{"text": null}'
    assert caught.value.usage == Usage(0, 0)


def test_rules_that_take_too_long_are_given_up_without_a_bill() -> None:
    def slow(_: Mapping[str, Any]) -> dict[str, Any]:
        time.sleep(0.5)
        return {"text": "late"}

    with pytest.raises(ProviderError, match=r"more than 0\.05 seconds") as caught:
        complete(slow, timeout_s=0.05)

    assert caught.value.code == "timed_out"
    assert not caught.value.may_have_billed
    assert not caught.value.trips_circuit
