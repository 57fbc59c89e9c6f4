from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from operations.circuits import FAILURES_TO_OPEN, States, is_quiet, word_for
from operations.models import ProviderState
from providers.catalogue import ProviderInfo
from providers.protocol import KeyRefused, RateLimited, TimedOut
from tests.operations.test_router import provider

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def info(**limits: Any) -> ProviderInfo:
    from dataclasses import replace

    return replace(provider("openai"), **limits)


def admit(given: ProviderInfo, *, tokens: int = 100, now: datetime = NOW) -> str:
    """Return why a call is not admitted, or an empty string."""
    states = States([given])
    blocked = states.admit("openai", tokens=tokens, now=now)
    states.save()
    return blocked.why if blocked else ""


def fail(given: ProviderInfo, error: Any, *, now: datetime = NOW) -> None:
    states = States([given])
    states.failed("openai", error, now=now)
    states.save()


def succeed(given: ProviderInfo) -> None:
    states = States([given])
    states.succeeded("openai")
    states.save()


def row() -> ProviderState:
    return ProviderState.objects.get(provider="openai")


def test_a_healthy_provider_without_limits_needs_no_row() -> None:
    assert is_quiet(None, info(), NOW)


def test_five_failures_within_a_minute_open_the_circuit() -> None:
    for second in range(FAILURES_TO_OPEN):
        assert admit(info()) == ""
        fail(info(), TimedOut(), now=NOW + timedelta(seconds=second))

    assert admit(info(), now=NOW + timedelta(seconds=10)) == "Openai is down"
    assert word_for(row(), NOW + timedelta(seconds=10)) == "open"


def test_failures_far_apart_do_not_add_up() -> None:
    for minute in range(FAILURES_TO_OPEN * 2):
        fail(info(), TimedOut(), now=NOW + timedelta(minutes=2 * minute))

    assert word_for(row(), NOW) == "closed"


def test_a_success_in_between_starts_the_count_anew() -> None:
    for _ in range(FAILURES_TO_OPEN - 1):
        fail(info(), TimedOut())
    succeed(info())
    fail(info(), TimedOut())

    assert admit(info()) == ""


def test_after_a_minute_one_probe_goes_out_and_the_others_wait() -> None:
    for _ in range(FAILURES_TO_OPEN):
        fail(info(), TimedOut())
    later = NOW + timedelta(seconds=61)

    assert admit(info(), now=later) == ""
    assert admit(info(), now=later) == "Openai is being probed"


def test_a_probe_that_fails_opens_the_circuit_for_another_minute() -> None:
    for _ in range(FAILURES_TO_OPEN):
        fail(info(), TimedOut())
    later = NOW + timedelta(seconds=61)
    admit(info(), now=later)
    fail(info(), TimedOut(), now=later)

    assert admit(info(), now=later + timedelta(seconds=59)) == "Openai is down"
    assert admit(info(), now=later + timedelta(seconds=61)) == ""


def test_a_probe_that_succeeds_closes_it() -> None:
    for _ in range(FAILURES_TO_OPEN):
        fail(info(), TimedOut())
    admit(info(), now=NOW + timedelta(seconds=61))
    succeed(info())

    assert is_quiet(row(), info(), NOW)


def test_a_429_blocks_for_as_long_as_it_says() -> None:
    fail(info(), RateLimited(retry_after_s=30))

    assert admit(info(), now=NOW + timedelta(seconds=29)) == "Openai asked to wait"
    assert admit(info(), now=NOW + timedelta(seconds=31)) == ""


def test_a_refused_key_pauses_until_another_key_is_there() -> None:
    fail(info(key_fingerprint="old"), KeyRefused("the key was refused"))

    assert "paused" in admit(info(key_fingerprint="old"), now=NOW + timedelta(days=3))
    assert admit(info(key_fingerprint="new")) == ""


@pytest.mark.parametrize(("limit", "share"), [(2, 0.5), (7, 0.8), (60, 0.9), (600, 0.9)])
def test_no_minute_sees_more_requests_than_the_limit_and_most_are_used(
    limit: int, share: float
) -> None:
    limited = info(requests_per_minute=limit)
    moments = [NOW + timedelta(seconds=tick / 4) for tick in range(4 * 180)]
    per_tick = max(1, limit // 60)

    sent = [at for at in moments for _ in range(per_tick) if admit(limited, now=at) == ""]

    for first in sent:
        assert sum(first <= at < first + timedelta(minutes=1) for at in sent) <= limit
    assert len(sent) >= share * limit * 3


def test_tokens_a_minute_count_too() -> None:
    limited = info(tokens_per_minute=10_000)  # 1,000 at once, then 150 a second

    assert [admit(limited, tokens=500) for _ in range(3)] == [
        "",
        "",
        "Openai's rate limit is reached",
    ]
    assert admit(limited, tokens=500, now=NOW + timedelta(seconds=4)) == ""


def test_a_call_larger_than_the_bucket_goes_when_it_is_full_and_leaves_a_debt() -> None:
    limited = info(tokens_per_minute=10_000)

    assert admit(limited, tokens=5_500) == ""
    assert admit(limited, tokens=100, now=NOW + timedelta(seconds=30)) != ""
    assert admit(limited, tokens=100, now=NOW + timedelta(seconds=31)) == ""


def test_a_refused_call_takes_nothing() -> None:
    limited = info(requests_per_minute=6, tokens_per_minute=600_000)
    admit(limited)
    before = row().tokens_left
    admit(limited)

    assert row().tokens_left == before


def test_a_provider_that_asks_for_long_is_left_for_the_next_one() -> None:
    states = States([info()])
    states.failed("openai", RateLimited(retry_after_s=3600), now=NOW)

    soon = states.admit("openai", tokens=1, now=NOW)
    late = states.admit("openai", tokens=1, now=NOW + timedelta(minutes=59, seconds=50))

    assert soon is not None
    assert not soon.is_rate
    assert late is not None
    assert late.is_rate
