from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from operations import outcomes, services
from operations.models import Budget, BudgetPeriod, EngineWorker, ProviderState, Run
from operations.outcomes import why_this_model
from operations.waiting import Money, Pending, Provider, explain
from tests.builders import make_run

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SOON = NOW + timedelta(seconds=30)


def pending(at: datetime, *, claims: int = 0, has_attempts: bool = False) -> Pending:
    return Pending(at, claims, has_attempts)


BUDGET = Money("total", Decimal(5), Decimal("4.90"), Decimal("0.05"))


@pytest.mark.parametrize(
    ("run", "facts", "kind", "words"),
    [
        (pending(NOW), {"workers": 0, "ahead": 4}, "worker", "No worker is running"),
        (pending(NOW), {"ahead": 1}, "turn", "behind 1 other run of yours"),
        (pending(NOW), {"ahead": 1000}, "turn", "behind 1,000 other runs"),
        (pending(NOW), {}, "turn", "It is next"),
        (pending(SOON), {}, "later", "put off"),
        (
            pending(SOON, claims=1),
            {"provider": Provider("openai", paused_reason="Key refused.")},
            "provider",
            "openai is paused until someone acts: Key refused.",
        ),
        (
            pending(SOON, claims=1),
            {"provider": Provider("openai", blocked_until=SOON)},
            "provider",
            "openai asked us to wait",
        ),
        (
            pending(SOON, claims=1, has_attempts=True),
            {"provider": Provider("openai", open_until=SOON)},
            "provider",
            "openai is down",
        ),
        (
            pending(SOON, claims=1),
            {"provider": Provider("openai", open_until=NOW, probe_until=SOON)},
            "provider",
            "tried with one call",
        ),
        (
            pending(SOON, claims=1),
            {"provider": Provider("openai", open_until=NOW, blocked_until=NOW)},
            "provider",
            "rate limit of openai",
        ),
        (
            pending(SOON, claims=2),
            {"budgets": (BUDGET,)},
            "money",
            "hold $0.05 of the monthly budget ($4.90 of $5.00 spent)",
        ),
        (
            pending(SOON, claims=2),
            {"budgets": (replace(BUDGET, scope="email-classify"),)},
            "money",
            "of the monthly budget “Classify e-mails” (",
        ),
        (pending(NOW, claims=1, has_attempts=True), {"budgets": (BUDGET,)}, "turn", "It is next"),
    ],
)
def test_a_pending_run_says_what_it_waits_for(
    run: Pending, facts: dict[str, Any], kind: str, words: str
) -> None:
    waiting = explain(run, now=NOW, **{"workers": 1, **facts})

    assert waiting.kind == kind
    assert words in waiting.text
    assert waiting.until == (
        run.available_at if run.available_at > NOW and facts.get("workers", 1) else None
    )


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"requested": "a:1", "asked": ["a:1"]}, "It was asked for with this run."),
        ({"requested": "b:1", "asked": ["a:1"]}, "b:1 was asked for, but could not be used then."),
        ({"preferred": "a:1", "asked": ["a:1"]}, "It is your choice for this operation."),
        ({"asked": ["a:1"]}, "It was first in line"),
        ({"asked": ["a:1", "a:1", "b:2"]}, "b:2 followed, as its fallback."),
        ({"asked": []}, "No model was asked."),
        ({"asked": [], "is_final": False}, "It is chosen when it starts."),
        ({"asked": [], "is_final": False, "requested": "a:1"}, "a:1 was asked for."),
    ],
)
def test_a_run_says_why_this_model(facts: dict[str, Any], words: str) -> None:
    defaults: dict[str, Any] = {"requested": "", "preferred": "", "is_final": True}

    assert words in why_this_model(**{**defaults, **facts})


def alive() -> None:
    EngineWorker.objects.create(host="here", pid=1, slots=4)


def told(run: Run) -> str:
    waiting = outcomes.waiting_of(run, has_attempts=False)
    assert waiting is not None
    return waiting.text


def test_a_command_that_works_on_its_own_run_is_no_worker(alice: User) -> None:
    EngineWorker.objects.create(host="here", pid=1, slots=1, kind="command")

    assert "No worker is running" in told(make_run(alice))


def test_without_a_beating_worker_that_is_the_reason(alice: User) -> None:
    silent = timezone.now() - timedelta(minutes=1)
    EngineWorker.objects.create(host="here", pid=1, slots=4, beat_at=silent)

    assert "No worker is running" in told(make_run(alice))


def test_runs_of_others_are_not_counted_as_ahead(alice: User, bob: User) -> None:
    alive()
    make_run(bob)
    make_run(alice)
    make_run(alice, priority=1)

    assert "behind 1 other run of yours" in told(make_run(alice))


def test_a_lane_tells_the_state_of_its_provider(alice: User) -> None:
    alive()
    until = timezone.now() + timedelta(seconds=40)
    ProviderState.objects.create(provider="openai", open_until=until)

    assert "openai is down" in told(make_run(alice, lane="openai", claims=1, available_at=until))
    assert "rate limit of gemini" in told(make_run(alice, lane="gemini", claims=1))


def test_a_run_put_back_without_a_lane_waits_for_money_that_is_held(alice: User) -> None:
    alive()
    services.set_budget(owner=alice, limit_usd=Decimal(5), by=alice)
    month = timezone.now().strftime("%Y-%m")
    budget = Budget.objects.get(owner=alice, operation="")
    BudgetPeriod.objects.create(
        budget=budget, period=month, spent_usd=Decimal("4.90"), held_usd=Decimal("0.05")
    )

    assert "hold $0.05 of the monthly budget" in told(make_run(alice, claims=3))


@pytest.mark.parametrize("status", sorted(set(Run.Status.values) - {"pending"}))
def test_only_a_pending_run_waits(alice: User, status: str) -> None:
    assert outcomes.waiting_of(make_run(alice, status=status), has_attempts=False) is None
