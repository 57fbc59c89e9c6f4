"""Several engines on one nearly empty budget, each in a thread with a connection of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from operations import services
from operations.engine.loop import Engine
from operations.models import Attempt, BudgetPeriod, Hold, Run
from providers import catalogue
from providers.protocol import Completion, Request, Usage
from tests.operations.kit import STEPS, submit

pytestmark = pytest.mark.django_db(transaction=True)

MODEL = "openai:gpt-6-luna"
LATENCY_S = 0.03


class Slow:
    """Answers after a moment, at a sixth of what the call may cost."""

    at_once: int | None = None

    async def complete(self, request: Request) -> Completion:
        await asyncio.sleep(LATENCY_S)
        return Completion(STEPS, Usage(100, request.max_output_tokens // 6), request.model)

    async def open(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


@pytest.fixture(autouse=True)
def slow_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setattr("operations.engine.calls.open_adapter", lambda _provider: Slow())
    catalogue.invalidate()


@contextmanager
def engines(count: int, *, slots: int) -> Iterator[list[threading.Thread]]:
    """Run engines until nothing is left to do."""

    def work() -> None:
        try:
            while Run.objects.exclude(status__in=Run.FINAL).exists():
                Engine(slots=slots).drain()
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    yield threads
    for thread in threads:
        thread.join()


def price_of_a_call(owner: User) -> tuple[Decimal, Decimal]:
    """Return what one call holds and what it costs."""
    submit(owner, model=MODEL)
    with engines(1, slots=1):
        pass
    attempt = Attempt.objects.get(run__owner=owner)
    return attempt.ceiling_usd, attempt.booked_usd


def total(owner: User) -> BudgetPeriod:
    return BudgetPeriod.objects.get(budget__owner=owner, budget__operation="")


def limit(owner: User, usd: Decimal) -> None:
    services.set_budget(owner=owner, limit_usd=usd, by=owner)


def statuses(owner: User) -> list[Any]:
    return list(Run.objects.filter(owner=owner).order_by("id").values_list("status", flat=True))


def test_engines_together_accept_exactly_what_a_budget_pays_for(alice: User, bob: User) -> None:
    ceiling, cost = price_of_a_call(bob)
    limit(alice, ceiling + 9 * cost)
    for _ in range(24):
        submit(alice, model=MODEL)

    with engines(3, slots=4):
        pass

    # Ten: the last one starts when nine are paid, and its ceiling is what is left.
    assert statuses(alice).count("success") == 10
    assert statuses(alice).count("skipped") == 14
    assert total(alice).spent_usd == 10 * cost


def test_spent_and_held_stay_within_the_limit_at_every_moment(alice: User, bob: User) -> None:
    ceiling, cost = price_of_a_call(bob)
    most = 2 * ceiling + 5 * cost
    limit(alice, most)
    for _ in range(16):
        submit(alice, model=MODEL)

    seen: list[tuple[Decimal, Decimal]] = []
    with engines(3, slots=4) as threads:
        while any(thread.is_alive() for thread in threads):
            seen += BudgetPeriod.objects.filter(
                budget__owner=alice, budget__operation=""
            ).values_list("spent_usd", "held_usd")

    assert max(held for _, held in seen) > 0
    assert max(spent + held for spent, held in seen) <= most
    assert total(alice).held_usd == 0
    assert not Hold.objects.exists()


def test_a_run_waits_while_only_holds_stand_in_its_way(alice: User, bob: User) -> None:
    ceiling, cost = price_of_a_call(bob)
    limit(alice, ceiling + cost)
    for _ in range(2):
        submit(alice, model=MODEL)

    with engines(1, slots=2):
        pass

    assert statuses(alice) == ["success", "success"]
    first, second = Attempt.objects.filter(run__owner=alice).order_by("started_at")
    assert first.finished_at is not None
    assert second.started_at >= first.finished_at


def test_a_run_is_refused_at_once_where_the_money_is_spent(alice: User, bob: User) -> None:
    ceiling, _ = price_of_a_call(bob)
    limit(alice, ceiling - Decimal("0.000000001"))
    run = submit(alice, model=MODEL)

    with engines(1, slots=1):
        pass

    run.refresh_from_db()
    assert (run.status, run.claims) == ("skipped", 1)
    assert "No room in the monthly budget" in run.reason
