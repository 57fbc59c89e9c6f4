"""The engine's books against a server that is not ours (llmock), vendor by vendor."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from pytest_django import Settings

from accounts.models import User
from operations import services
from operations.models import Attempt, BudgetPeriod, Hold, ProviderState, Run
from providers import catalogue
from providers.models import ModelPrice
from providers.services import sync_catalogue
from tests.operations.kit import STEPS, drain, submit
from tests.providers.llm_server import (
    KEY,
    VENDORS,
    LlmServer,
    llm_server,
    raw_server,
)
from tests.providers.test_remote_adapters import MODELS

pytestmark = pytest.mark.django_db(transaction=True)

every_vendor = pytest.mark.parametrize("vendor", VENDORS)


@pytest.fixture(scope="module")
def shared_server() -> Iterator[LlmServer]:
    with llm_server() as server:
        yield server


@pytest.fixture
def server(
    shared_server: LlmServer,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    db: None,
    alice: User,
) -> LlmServer:
    shared_server.reset()
    shared_server.point(monkeypatch)
    monkeypatch.setattr("operations.router.FIRST_PAUSE_S", 0.01)
    settings.HELIX_CALL_TIMEOUT_S = 5.0
    sync_catalogue()
    catalogue.invalidate()
    return shared_server


def run_with(owner: User, vendor: str) -> Run:
    """Settle one run by `vendor` alone."""
    model = f"{vendor}:{MODELS[vendor]}"
    services.save_preferences(
        owner=owner, changes={"task-breakdown": {"model": model, "fallbacks": []}}, by=owner
    )
    run = submit(owner)
    drain()
    run.refresh_from_db()
    return run


def outcomes(run: Run) -> list[tuple[str, str]]:
    return [(attempt.outcome, attempt.error_code) for attempt in run.attempts.all()]


def assert_books_balance(run: Run) -> None:
    """Nothing is held any more, and what is spent is what the attempts booked."""
    booked = sum((a.booked_usd for a in run.attempts.all()), Decimal(0))
    for period in BudgetPeriod.objects.filter(budget__owner=run.owner):
        assert (period.spent_usd, period.held_usd) == (booked, Decimal(0))
    assert not Hold.objects.exists()
    for attempt in run.attempts.all():
        if attempt.input_tokens is not None and is_priced(attempt):
            assert attempt.cost_usd == priced(attempt)


def is_priced(attempt: Attempt) -> bool:
    return attempt.price_id is not None


def priced(attempt: Attempt) -> Decimal | None:
    """Return reported tokens times the pinned price, computed anew."""
    from providers.protocol import Usage

    assert attempt.price_id is not None
    card = ModelPrice.objects.get(pk=attempt.price_id).card
    usage = Usage(attempt.input_tokens or 0, attempt.output_tokens or 0, attempt.cached_tokens or 0)
    return card.cost_usd(usage, at=attempt.started_at)


@every_vendor
def test_an_answer_is_settled_with_its_reported_usage(
    server: LlmServer, alice: User, vendor: str
) -> None:
    server.answer(STEPS)

    run = run_with(alice, vendor)

    assert (run.status, run.provider, run.error) == ("success", vendor, "")
    assert run.result is not None
    assert run.result["steps"][0]["title"] == "Write"
    assert run.input_tokens
    assert run.output_tokens
    attempt = run.attempts.get()
    if is_priced(attempt):
        assert run.cost_usd
        assert run.cost_usd == priced(attempt)
        assert attempt.booked_usd <= attempt.ceiling_usd
    else:
        assert run.cost_usd is None  # unknown is not zero
        assert attempt.booked_usd == attempt.ceiling_usd > 0
    assert_books_balance(run)


@every_vendor
def test_an_invalid_answer_is_repaired_and_both_attempts_are_paid(
    server: LlmServer, alice: User, vendor: str
) -> None:
    server.answer({"steps": "none"})
    server.answer(STEPS)

    run = run_with(alice, vendor)

    assert run.status == "success"
    assert outcomes(run) == [("failed", "invalid_answer"), ("success", "")]
    assert all(attempt.output_tokens for attempt in run.attempts.all())
    assert_books_balance(run)


@every_vendor
def test_a_429_is_tried_again_after_retry_after(
    server: LlmServer, alice: User, vendor: str
) -> None:
    server.fail(429, retry_after=1)
    server.answer(STEPS)

    run = run_with(alice, vendor)

    first, second = run.attempts.all()
    assert run.status == "success"
    assert outcomes(run) == [("failed", "rate_limited"), ("success", "")]
    assert first.cost_usd == first.booked_usd == 0
    assert (second.started_at - first.started_at).total_seconds() >= 1
    assert_books_balance(run)


@every_vendor
def test_a_500_is_tried_three_times_and_costs_nothing(
    server: LlmServer, alice: User, vendor: str
) -> None:
    server.fail(500, times=None)

    run = run_with(alice, vendor)

    assert run.status == "failed"
    assert outcomes(run) == [("failed", "unavailable")] * 3
    assert run.cost_usd == 0
    assert len(server.requests()) == 3
    assert_books_balance(run)


@every_vendor
def test_a_time_out_is_booked_at_its_ceiling(
    server: LlmServer, alice: User, vendor: str, settings: Settings
) -> None:
    settings.HELIX_CALL_TIMEOUT_S = 0.5
    server.delay(3)

    run = run_with(alice, vendor)

    attempt = run.attempts.get()
    assert run.status == "failed"
    assert (attempt.outcome, attempt.error_code) == ("unknown", "timed_out")
    assert attempt.cost_usd is run.cost_usd is None
    assert attempt.booked_usd == attempt.ceiling_usd > 0
    assert_books_balance(run)


@every_vendor
def test_a_refused_key_pauses_the_provider_and_is_not_repeated_in_the_error(
    server: LlmServer, alice: User, vendor: str
) -> None:
    server.fail(401, message=f"Incorrect API key provided: {KEY}", times=None)

    run = run_with(alice, vendor)

    assert run.status == "failed"
    assert outcomes(run) == [("failed", "key_refused")]
    assert run.cost_usd == 0
    assert ProviderState.objects.get(provider=vendor).paused_reason
    assert KEY not in run.error + run.attempts.get().error
    assert_books_balance(run)


@every_vendor
def test_a_closed_connection_is_unknown_and_each_try_is_booked(
    server: LlmServer, alice: User, vendor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = "OPENAI_COMPATIBLE" if vendor == "compatible" else vendor.upper()
    with raw_server(lambda: None) as closing:
        monkeypatch.setenv(f"{variable}_BASE_URL", closing.url)
        catalogue.invalidate()

        run = run_with(alice, vendor)

    assert run.status == "failed"
    assert outcomes(run) == [("unknown", "connection_lost")] * 3
    assert run.cost_usd is None
    assert len(closing.bodies) == 3
    assert_books_balance(run)
