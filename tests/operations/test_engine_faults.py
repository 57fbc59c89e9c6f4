"""The engine while its database, its followers or its clock let it down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from accounts.models import User
from operations import hooks, services
from operations.engine.loop import Engine
from operations.engine.turn import Turn
from operations.models import Hold, ProviderState, Run, Usage
from providers import catalogue
from providers.models import Provider
from providers.protocol import Completion, ConnectionLost, Request, Unavailable
from providers.protocol import Usage as Tokens
from tests.operations.kit import STEPS, Script, drain, fails, script, submit

__all__ = ["script"]

pytestmark = pytest.mark.django_db(transaction=True)

OPENAI = "openai:gpt-6-luna"
NUL = {"steps": [{"order": 1, "title": "a\x00b", "estimate_minutes": 1, "depends_on": []}]}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    catalogue.invalidate()


@contextmanager
def running(engine: Engine) -> Iterator[None]:
    stop = engine.start()
    try:
        yield
    finally:
        stop(1.0)


def are_final(ids: Sequence[UUID], *, within_s: float = 10.0) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if not Run.objects.filter(pk__in=ids).exclude(status__in=Run.FINAL).exists():
            return True
        time.sleep(0.05)
    return False


When = Callable[[Sequence[Any], Sequence[Any], int], bool]


def lose_a_commit(monkeypatch: pytest.MonkeyPatch, when: When) -> list[str]:
    """Let the commit of the first turn that fits happen, and its answer get lost."""
    lost: list[str] = []
    armed = threading.Event()
    commit, run = BaseDatabaseWrapper.commit, Turn.run

    def cut_commit(wrapper: BaseDatabaseWrapper) -> None:
        commit(wrapper)
        if armed.is_set() and not lost:
            lost.append("commit")
            raise OperationalError("server closed the connection unexpectedly")

    def watched(turn: Turn, ended: Any, due: Any, room: int, **more: Any) -> Any:
        if when(ended, due, room) and not lost:
            armed.set()
        try:
            return run(turn, ended, due, room, **more)
        finally:
            armed.clear()

    monkeypatch.setattr(BaseDatabaseWrapper, "commit", cut_commit)
    monkeypatch.setattr(Turn, "run", watched)
    return lost


@pytest.mark.parametrize(
    "when",
    [
        pytest.param(lambda ended, due, room: bool(ended), id="of a retry"),
        pytest.param(lambda ended, due, room: bool(due), id="of a run that goes on"),
        pytest.param(lambda ended, due, room: room > 0, id="of a claim"),
    ],
)
def test_a_commit_whose_answer_is_lost_strands_no_run(
    alice: User, script: Script, monkeypatch: pytest.MonkeyPatch, when: When
) -> None:
    script.tell("openai", fails(Unavailable("503")))
    lost = lose_a_commit(monkeypatch, when)
    run = submit(alice, model=OPENAI)

    with running(Engine(slots=2)):
        assert are_final([run.pk])

    run.refresh_from_db()
    assert lost
    assert run.status == "success"
    assert not Hold.objects.exists()
    assert Usage.objects.get().runs == 1


def test_a_command_survives_a_claim_whose_commit_is_lost(
    alice: User, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = lose_a_commit(monkeypatch, lambda ended, due, room: room > 0)
    run = submit(alice, model=OPENAI)

    Engine(slots=1, kind="command").run_one(run.pk)

    run.refresh_from_db()
    assert lost
    assert run.status == "success"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite stores NUL")
def test_a_command_ends_when_its_answer_cannot_be_stored(alice: User, script: Script) -> None:
    script.tell("openai", lambda request: Completion(NUL, Tokens(5, 5), request.model))
    run = submit(alice, model=OPENAI)

    Engine(slots=1, kind="command").run_one(run.pk)

    run.refresh_from_db()
    assert run.status == "failed"
    assert "cannot be stored" in run.error
    assert run.cost_usd


def test_a_follower_that_refuses_one_run_does_not_stop_the_others(
    alice: User, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [submit(alice, model=OPENAI) for _ in range(4)]
    poison = runs[-1].pk

    def follower(news: Sequence[hooks.SettledRun], now: datetime) -> None:
        if any(each.id == poison for each in news):
            raise ValueError("a follower cannot take this run")

    monkeypatch.setattr(hooks, "_settled", [*hooks._settled, follower])

    with running(Engine(slots=10)):
        assert are_final([run.pk for run in runs])
        later = submit(alice, model=OPENAI)
        assert are_final([later.pk])

    statuses = dict(Run.objects.values_list("id", "status"))
    assert statuses.pop(poison) == "failed"
    assert set(statuses.values()) == {"success"}
    assert not Hold.objects.exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite stores NUL")
def test_one_unstorable_answer_and_a_hiccup_lose_no_other(
    alice: User, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [submit(alice, model=OPENAI) for _ in range(4)]
    asked: list[Request] = []

    def answer(request: Request) -> Completion:
        asked.append(request)
        return Completion(NUL if len(asked) == 4 else STEPS, Tokens(5, 5), request.model)

    script.tell("openai", answer, answer, answer, answer)
    hiccups: list[str] = []
    run = Turn.run

    def stumbling(turn: Turn, ended: Any, due: Any, room: int, **more: Any) -> Any:
        if ended and ended[0].error is not None and not hiccups:
            hiccups.append("one")
            raise OperationalError("the database went away just now")
        return run(turn, ended, due, room, **more)

    monkeypatch.setattr(Turn, "run", stumbling)

    with running(Engine(slots=10)):
        assert are_final([each.pk for each in runs])

    assert hiccups
    assert sorted(Run.objects.values_list("status", flat=True)) == ["failed", *["success"] * 3]
    assert not Hold.objects.exists()


def test_a_run_is_tried_three_times_however_often_it_waits_for_an_outage(
    alice: User, script: Script
) -> None:
    choice = {"model": OPENAI, "fallbacks": []}
    services.save_preferences(owner=alice, changes={"task-breakdown": choice}, by=alice)
    script.tell("openai", *[fails(ConnectionLost("cut"))] * 60)
    runs = [submit(alice, origin=Run.Origin.API) for _ in range(2)]
    drain(slots=2)

    for _ in range(6):
        past = timezone.now() - timedelta(seconds=1)
        ProviderState.objects.update(open_until=past, probe_until=None)
        Run.objects.pending().update(available_at=past)
        drain(slots=2)

    for run in runs:
        run.refresh_from_db()
        assert run.status == "failed"
        assert run.attempts.count() <= 3


def test_a_backlog_survives_a_short_outage_and_not_a_long_one(alice: User, script: Script) -> None:
    choice = {"model": OPENAI, "fallbacks": []}
    services.save_preferences(owner=alice, changes={"task-breakdown": choice}, by=alice)
    now = timezone.now()
    runs = [submit(alice, origin=Run.Origin.API) for _ in range(5)]
    Run.objects.update(created_at=now - timedelta(hours=2))
    state = ProviderState.objects.create(
        provider="openai",
        key_fingerprint=catalogue.snapshot().providers["openai"].key_fingerprint,
        down_since=now - timedelta(minutes=1),
        open_until=now + timedelta(seconds=50),
    )

    drain()

    assert {run.status for run in Run.objects.all()} == {"pending"}
    state.down_since = now - timedelta(minutes=16)
    state.save()
    Run.objects.update(available_at=now)
    drain()
    assert {run.status for run in Run.objects.all()} == {"failed"}
    assert len(runs) == 5
    assert not script.requests


def test_a_run_that_is_refused_for_money_takes_no_allowance_and_no_probe(
    alice: User, bob: User, script: Script
) -> None:
    Provider.objects.filter(name="openai").update(requests_per_minute=50)
    catalogue.invalidate()
    services.set_budget(owner=alice, limit_usd=Decimal("0.000001"), by=alice)
    for _ in range(5):
        submit(alice, model=OPENAI)
    rich = submit(bob, model=OPENAI)

    drain()
    Run.objects.update(available_at=timezone.now() - timedelta(seconds=1))
    drain()

    rich.refresh_from_db()
    assert rich.status == "success"
    assert (ProviderState.objects.get(provider="openai").requests_left or 0) > 3


def test_a_backlog_behind_a_rate_limit_does_not_spin(alice: User, script: Script) -> None:
    Provider.objects.filter(name="openai").update(requests_per_minute=60)
    catalogue.invalidate()
    choice = {"model": OPENAI, "fallbacks": []}
    services.save_preferences(owner=alice, changes={"task-breakdown": choice}, by=alice)
    for _ in range(60):
        submit(alice)

    with running(Engine(slots=20)):
        time.sleep(4)

    claims = sum(Run.objects.values_list("claims", flat=True))
    assert len(script.requests) >= 6
    assert claims <= 60 + 3 * len(script.requests)


def test_after_a_429_a_provider_is_quiet_again(alice: User, script: Script) -> None:
    from operations import circuits
    from providers.protocol import RateLimited

    script.tell("openai", fails(RateLimited(retry_after_s=0.05)))
    submit(alice, model=OPENAI)
    drain()

    row = ProviderState.objects.get(provider="openai")
    info = catalogue.snapshot().providers["openai"]
    assert circuits.is_quiet(row, info, timezone.now() + timedelta(seconds=5))


def test_a_clock_that_is_set_does_not_move_the_engine(alice: User) -> None:
    engine = Engine(slots=1)
    engine._beat()
    true = timezone.now()

    with time_machine.travel(true + timedelta(hours=1), tick=True):
        said = engine._now()

    engine._calls.close()
    assert abs((said - true).total_seconds()) < 5


def test_planning_that_takes_long_gives_the_rest_back(
    alice: User, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    from operations.engine import planning, turn

    plan = planning.plan

    def slowly(*given: Any) -> None:
        time.sleep(0.02)
        plan(*given)

    monkeypatch.setattr(planning, "plan", slowly)
    monkeypatch.setattr(turn, "PLANNING_S", 0.05)
    for _ in range(12):
        submit(alice, model=OPENAI)
    engine = Engine(slots=12)
    engine.lease.beat(0)

    done = Turn(engine.lease.worker_id, timezone.now()).run([], [], 12)

    engine._calls.close()
    assert done.claimed == 12
    assert 0 < done.unplanned < 12
    assert Run.objects.pending().count() == done.unplanned
    assert not Run.objects.exclude(deaths=0).exists()
