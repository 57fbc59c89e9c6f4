from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from django.core.exceptions import ImproperlyConfigured
from pydantic import BaseModel, Field

from operations import registry
from providers import protocol, simulated
from providers.adapters.examples import example_json
from providers.adapters.simulated import SimulatedAdapter
from providers.protocol import Completion, ProviderError, Request
from providers.simulated import Options, parse


class Slot(BaseModel):
    start: datetime
    score: Annotated[float, Field(gt=0, lt=1)]


class Plan(BaseModel):
    title: str = Field(min_length=20, max_length=30)
    kind: Literal["a", "b"]
    rank: int = Field(ge=3)
    share: Decimal
    slots: list[Slot] = Field(min_length=2)
    note: str | None
    extra: str = "kept"


def request(**changes: Any) -> Request:
    fields: dict[str, Any] = {
        "operation": "test",
        "model": simulated.MODEL,
        "instructions": "Do it.",
        "prompt": "x" * 4_000,
        "result_type": Plan,
        "parameters": {},
        "rules": None,
        "max_output_tokens": 60,
        "timeout_s": 5.0,
    }
    return Request(**{**fields, **changes})


def ask(options: Options, **changes: Any) -> Completion:
    return asyncio.run(SimulatedAdapter(options).complete(request(**changes)))


@pytest.mark.parametrize("text", ["", "0", "off", "False"])
def test_it_is_off_unless_asked_for(text: str) -> None:
    assert parse(text) is None


def test_one_takes_the_defaults() -> None:
    assert parse("1") == Options()


def test_options_are_read() -> None:
    text = (
        "latency_ms=1000, jitter_ms=50,input_tokens=9,output_tokens=8,input_usd_per_mtok=0.25,"
        "output_usd_per_mtok=1.5,failure_rate=0.5,failure=timed_out,rate_limit_rpm=600"
    )

    assert parse(text) == Options(
        1000, 50, 9, 8, Decimal("0.25"), Decimal("1.5"), 0.5, "timed_out", 600
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("latency=1", "no option “latency”"),
        ("latency_ms", "“latency_ms” needs a value"),
        ("latency_ms=", "“latency_ms” needs a value"),
        ("latency_ms=fast", "“latency_ms” must be a number"),
        ("latency_ms=-1", "“latency_ms” must be a number, 0 or more"),
        ("latency_ms=nan", "“latency_ms” must be a number"),
        ("latency_ms=1e999", "“latency_ms” must be a number"),
        ("input_usd_per_mtok=NaN", "“input_usd_per_mtok” must be"),
        ("input_tokens=1.5", "“input_tokens” must be a whole number"),
        ("failure_rate=1.1", "“failure_rate” must be a number, from 0 to 1"),
        ("failure=explode", "“failure” must be one of rate_limited, unavailable"),
        ("latency_ms=1,latency_ms=2", "“latency_ms” is given twice"),
    ],
)
def test_a_wrong_option_is_named(text: str, named: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="HELIX_SIMULATED_PROVIDER") as refusal:
        parse(text)

    assert named in str(refusal.value)


def test_a_wrong_option_stops_the_start() -> None:
    program = "import django; django.setup()"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings_test",
        "HELIX_SIMULATED_PROVIDER": "latency=1",
    }

    done = subprocess.run(  # noqa: S603  our own words
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )

    assert done.returncode == 1
    assert "HELIX_SIMULATED_PROVIDER: there is no option “latency”" in done.stderr.splitlines()[-1]


def test_its_answer_is_valid_marked_and_the_same_every_time() -> None:
    first, second = ask(Options()), ask(Options())

    plan = Plan.model_validate(first.result)
    assert plan.title.startswith("simulated")
    assert len(plan.slots) == 2
    assert plan.extra == "kept"
    assert first.result == second.result
    assert first.result is not second.result


def test_every_operation_gets_a_valid_result() -> None:
    operations = registry.all_operations()

    results = {each.slug: ask(Options(), result_type=each.result).result for each in operations}

    assert len(results) >= 9
    for operation in operations:
        operation.result.model_validate(results[operation.slug])


def test_a_type_it_cannot_make_up_is_a_refused_request() -> None:
    class Odd(BaseModel):
        code: str = Field(pattern=r"^\d{4}$")

    with pytest.raises(protocol.RequestRefused, match="cannot make up a Odd"):
        ask(Options(), result_type=Odd)


def test_it_reports_no_more_output_than_it_was_given_room_for() -> None:
    assert ask(Options(output_tokens=500)).usage == protocol.Usage(1001, 60)


def test_it_reports_no_more_input_than_a_model_could_have_read() -> None:
    usage = ask(Options(input_tokens=1_000_000)).usage

    assert usage is not None
    assert usage.input_tokens == 2003


def test_latency_is_waited_for() -> None:
    begun = time.monotonic()

    ask(Options(latency_ms=50))

    assert time.monotonic() - begun >= 0.05


def test_latency_past_the_time_out_is_a_time_out() -> None:
    begun = time.monotonic()

    with pytest.raises(protocol.TimedOut):
        ask(Options(latency_ms=60_000), timeout_s=0.05)

    assert time.monotonic() - begun < 5


def test_every_error_of_the_protocol_can_be_asked_for() -> None:
    errors = [each for each in vars(protocol).values() if isinstance(each, type)]

    assert set(simulated.FAILURES.values()) == {
        each for each in errors if issubclass(each, ProviderError) and each is not ProviderError
    }


@pytest.mark.parametrize("code", list(simulated.FAILURES))
def test_each_failure_can_be_asked_for(code: str) -> None:
    with pytest.raises(ProviderError) as error:
        ask(Options(failure_rate=1, failure=code))

    assert error.value.code == code


def test_more_than_the_limit_a_minute_is_refused_with_the_wait() -> None:
    async def three() -> list[Any]:
        adapter = SimulatedAdapter(Options(rate_limit_rpm=2))
        calls = (adapter.complete(request()) for _ in range(3))
        return await asyncio.gather(*calls, return_exceptions=True)

    first, second, third = asyncio.run(three())

    assert isinstance(first, Completion)
    assert isinstance(second, Completion)
    assert isinstance(third, protocol.RateLimited)
    assert third.retry_after_s is not None
    assert 0 < third.retry_after_s <= 60


@pytest.mark.parametrize(
    ("schema_type", "value"),
    [
        (Annotated[int, Field(gt=5)], 6),
        (Annotated[int, Field(lt=-5)], -6),
        (Annotated[float, Field(gt=1, lt=1.5)], 1.25),
        (Annotated[int, Field(ge=10, le=10)], 10),
        (Annotated[float, Field(le=0.5)], 0.0),
    ],
)
def test_numbers_keep_their_bounds(schema_type: Any, value: float) -> None:
    class Holder(BaseModel):
        number: schema_type

    assert Holder.model_validate_json(example_json(Holder)).number == value
