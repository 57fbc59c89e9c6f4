from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import User
from core.errors import DomainError
from operations import hooks, services
from operations.engine import lease
from operations.engine.flight import Ended
from operations.engine.loop import Engine
from operations.engine.turn import Turn
from operations.models import Attempt, EngineWorker, Run, Usage
from operations.services import NotSubmitted
from providers import catalogue
from providers.models import ProviderModel
from providers.protocol import Completion
from providers.protocol import Usage as Tokens
from tests.operations.kit import submit

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OPENAI = "openai:gpt-6-luna"
CENT = Decimal("0.01")


def put_back(owner: User, *costs: Decimal | None) -> Run:
    """Return a run that waits again after an attempt for each of `costs`; None: unknown."""
    run = submit(owner)
    Run.objects.filter(pk=run.pk).update(claims=len(costs))
    for number, cost in enumerate(costs, 1):
        Attempt.objects.create(
            run=run,
            number=number,
            provider="openai",
            model="gpt-6-luna",
            outcome="unknown" if cost is None else "failed",
            started_at=NOW,
            finished_at=NOW,
            cost_usd=cost,
            booked_usd=CENT,
            input_tokens=None if cost is None else 20,
            output_tokens=None if cost is None else 10,
        )
    return run


def cancel(run: Run) -> Run:
    services.cancel_run(run, by=run.owner, reason="No longer wanted.")
    run.refresh_from_db()
    return run


def test_cancelling_a_run_that_never_started_costs_nothing(alice: User) -> None:
    run = cancel(submit(alice))

    assert (run.status, run.reason) == ("cancelled", "No longer wanted.")
    assert (run.cost_usd, run.input_tokens) == (Decimal(0), None)
    usage = Usage.objects.get()
    assert (usage.runs, usage.failed, usage.unknown_cost, usage.cost_usd) == (1, 0, 0, Decimal(0))


def test_a_cancelled_run_keeps_what_it_has_spent(alice: User) -> None:
    run = cancel(put_back(alice, CENT, 2 * CENT))

    assert (run.cost_usd, run.input_tokens, run.output_tokens) == (3 * CENT, 40, 20)
    usage = Usage.objects.get()
    assert (usage.cost_usd, usage.unknown_cost, usage.input_tokens) == (3 * CENT, 0, 40)


@pytest.mark.django_db(transaction=True)
def test_a_late_answer_tells_what_a_cancelled_run_has_cost(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    catalogue.invalidate()
    run = submit(alice, model=OPENAI)
    engine = Engine(slots=1)
    engine.lease.beat(0)
    call = Turn(engine.lease.worker_id, timezone.now()).run([], [], 1).calls[0]
    EngineWorker.objects.update(beat_at=timezone.now() - timedelta(minutes=1))
    lease.reap()
    cancel(run)
    told = run.cost_usd, Usage.objects.get().unknown_cost
    late = Completion({"steps": []}, Tokens(20, 10), "gpt-6-luna")

    Turn(engine.lease.worker_id, timezone.now()).run([Ended(call, 5, completion=late)], [], 0)
    engine._calls.close()

    assert told == (None, 1)
    run.refresh_from_db()
    usage = Usage.objects.get()
    assert (run.status, usage.unknown_cost) == ("cancelled", 0)
    assert run.cost_usd == usage.cost_usd == run.attempts.get().cost_usd
    assert run.cost_usd


def test_followers_hear_what_a_cancelled_run_has_cost(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[hooks.SettledRun] = []
    monkeypatch.setattr(hooks, "_settled", [lambda runs, now: heard.extend(runs)])

    run = cancel(put_back(alice, CENT))

    assert [(news.id, news.status, news.cost_usd) for news in heard] == [
        (run.pk, "cancelled", CENT)
    ]


@pytest.mark.parametrize("status", ["running", "success"])
def test_what_does_not_wait_cannot_be_cancelled(alice: User, status: str) -> None:
    run = submit(alice)
    Run.objects.update(status=status, finished_at=NOW)

    with pytest.raises(DomainError, match=f"Only a run that waits.*{status}"):
        cancel(run)

    run.refresh_from_db()
    assert (run.status, run.claims) == (status, 0)


def test_a_retired_model_is_refused_with_those_that_may_be_chosen(alice: User) -> None:
    ProviderModel.objects.filter(provider__name="openai", name="gpt-6-luna").update(is_retired=True)
    catalogue.invalidate()

    with pytest.raises(NotSubmitted) as refusal:
        submit(alice, model="openai:gpt-6-luna")

    told = str(refusal.value)
    assert told.startswith("model names “openai:gpt-6-luna”, which is retired. Choose one of: ")
    assert "local:rules-1" in told
    assert told.count("gpt-6-luna") == 1
    assert not Run.objects.exists()
