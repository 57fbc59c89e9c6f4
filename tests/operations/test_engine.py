from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.utils import timezone

from accounts.models import User
from operations import services
from operations.engine import lease
from operations.engine.flight import Ended
from operations.engine.loop import Engine
from operations.engine.turn import Turn
from operations.models import Attempt, BudgetPeriod, EngineWorker, Hold, ProviderState, Run, Usage
from preferences import services as preferences
from providers.protocol import (
    Completion,
    ConnectionLost,
    InvalidAnswer,
    KeyRefused,
    RateLimited,
    RequestRefused,
    TimedOut,
    Unavailable,
)
from providers.protocol import Usage as Tokens
from tests.operations.kit import STEPS, Script, answers, drain, fails, script, submit

__all__ = ["script"]

pytestmark = pytest.mark.django_db(transaction=True)

OPENAI = "openai:gpt-6-luna"
ANTHROPIC = "anthropic:claude-haiku-5-5"


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    from providers import catalogue

    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-test")
    catalogue.invalidate()


def spent(owner: User) -> Decimal:
    return BudgetPeriod.objects.get(budget__owner=owner, budget__operation="").spent_usd


def held(owner: User) -> Decimal:
    return BudgetPeriod.objects.get(budget__owner=owner, budget__operation="").held_usd


def test_a_run_settles_with_result_cost_latency_and_its_attempt(
    alice: User, script: Script
) -> None:
    run = submit(alice, model=OPENAI)

    drain()

    run.refresh_from_db()
    assert (run.status, run.error) == ("success", "")
    assert run.result == STEPS
    assert run.cost_usd is not None
    assert run.cost_usd > 0
    assert run.latency_ms is not None
    estimate = [run.cost_low_usd, run.cost_mid_usd, run.cost_high_usd]
    assert None not in estimate
    assert estimate == sorted(estimate, key=lambda usd: usd or Decimal(0))
    attempt = run.attempts.get()
    assert (attempt.outcome, attempt.input_tokens, attempt.output_tokens) == ("success", 100, 50)
    assert attempt.cost_usd == attempt.booked_usd == run.cost_usd <= attempt.ceiling_usd
    assert attempt.price_id
    assert spent(alice) == run.cost_usd
    assert held(alice) == 0
    assert not Hold.objects.exists()
    usage = Usage.objects.get()
    assert (usage.runs, usage.succeeded, usage.cost_usd) == (1, 1, run.cost_usd)


def test_a_hold_stands_while_the_call_runs(alice: User, script: Script) -> None:
    run = submit(alice, model=OPENAI)
    engine = Engine(slots=1)
    engine.lease.beat(0)

    [call] = Turn(engine.lease.worker_id, timezone.now()).run([], [], 1).calls

    attempt = run.attempts.get()
    assert (attempt.outcome, call.request.max_output_tokens > 0) == ("calling", True)
    assert Hold.objects.get(run=run).amount_usd == attempt.ceiling_usd == held(alice) > 0
    assert spent(alice) == 0
    engine._calls.close()


def test_a_run_over_the_budget_is_skipped_with_its_reason(alice: User, script: Script) -> None:
    services.set_budget(owner=alice, limit_usd=Decimal("0.000001"), by=alice)
    run = submit(alice, model=OPENAI)

    drain()

    run.refresh_from_db()
    assert run.status == "skipped"
    assert "No room in the monthly budget" in run.reason
    assert not script.requests
    assert run.cost_usd == 0


def test_the_budget_of_an_operation_holds_too(alice: User, script: Script) -> None:
    services.set_budget(
        owner=alice, operation="task-breakdown", limit_usd=Decimal("0.000001"), by=alice
    )
    run = submit(alice, model=OPENAI)

    drain()

    run.refresh_from_db()
    assert run.status == "skipped"
    assert "the monthly budget “Break a task down”" in run.reason


def test_a_free_model_runs_on_an_empty_budget(alice: User) -> None:
    services.set_budget(owner=alice, limit_usd=Decimal(0), by=alice)
    run = submit(alice, model="local:rules-1")

    drain()

    run.refresh_from_db()
    assert (run.status, run.provider) == ("success", "local")
    assert run.cost_usd == 0


def test_an_invalid_answer_is_repaired_once(alice: User, script: Script) -> None:
    wrong = InvalidAnswer("steps is missing", answer="{}", usage=Tokens(10, 5))
    script.tell("openai", fails(wrong), answers())
    run = submit(alice, model=OPENAI)

    drain()

    run.refresh_from_db()
    assert run.status == "success"
    assert [a.outcome for a in run.attempts.all()] == ["failed", "success"]
    assert script.requests[1][1].repair is not None
    assert run.cost_usd == sum(known_costs(run))
    assert spent(alice) == run.cost_usd


def test_an_answer_that_stays_invalid_fails_and_keeps_what_it_spent(
    alice: User, script: Script
) -> None:
    wrong = InvalidAnswer("steps is missing", answer="{}", usage=Tokens(10, 5))
    script.tell("openai", fails(wrong), fails(wrong))
    run = submit(alice, model=OPENAI)

    drain()

    run.refresh_from_db()
    assert run.status == "failed"
    assert "steps is missing" in run.error
    assert run.result is None
    assert run.cost_usd == spent(alice) > 0


def test_a_provider_that_is_down_is_left_for_the_next_of_the_route(
    alice: User, script: Script
) -> None:
    preferences_of(alice, model=OPENAI, fallbacks=[ANTHROPIC])
    script.tell("openai", *[fails(Unavailable("503"))] * 3)
    run = submit(alice)

    drain()

    run.refresh_from_db()
    assert (run.status, run.provider) == ("success", "anthropic")
    assert [a.provider for a in run.attempts.all()] == ["openai"] * 3 + ["anthropic"]


def test_a_refused_request_is_not_taken_elsewhere(alice: User, script: Script) -> None:
    preferences_of(alice, model=OPENAI, fallbacks=[ANTHROPIC])
    script.tell("openai", fails(RequestRefused("content policy")))
    run = submit(alice)

    drain()

    run.refresh_from_db()
    assert run.status == "failed"
    assert [provider for provider, _ in script.requests] == ["openai"]


def test_a_time_out_is_booked_at_its_ceiling_as_unknown(alice: User, script: Script) -> None:
    preferences_of(alice, model=OPENAI, fallbacks=[])
    script.tell("openai", fails(TimedOut()))
    run = submit(alice)

    drain()

    run.refresh_from_db()
    attempt = run.attempts.get()
    assert (run.status, run.cost_usd) == ("failed", None)
    assert (attempt.outcome, attempt.cost_usd) == ("unknown", None)
    assert attempt.booked_usd == attempt.ceiling_usd == spent(alice)
    assert held(alice) == 0


def test_a_connection_that_breaks_is_tried_again_under_its_own_hold(
    alice: User, script: Script
) -> None:
    script.tell("openai", fails(ConnectionLost()))
    run = submit(alice, model=OPENAI)

    drain()

    run.refresh_from_db()
    first, second = run.attempts.all()
    assert (run.status, first.outcome, second.outcome) == ("success", "unknown", "success")
    assert spent(alice) == first.ceiling_usd + second.booked_usd
    assert run.cost_usd is None  # a part of it is not known


def test_no_room_for_another_attempt_fails_with_the_first_error(
    alice: User, script: Script
) -> None:
    script.tell("openai", fails(ConnectionLost("it broke")))
    run = submit(alice, model=OPENAI)
    ceiling = ceiling_of(alice)
    services.set_budget(owner=alice, limit_usd=ceiling * Decimal("1.5"), by=alice)

    drain()

    run.refresh_from_db()
    assert run.status == "failed"
    assert "it broke" in run.error
    assert "No further attempt" in run.error


def test_a_refused_key_pauses_the_provider_and_the_fallback_answers(
    alice: User, script: Script
) -> None:
    preferences_of(alice, model=OPENAI, fallbacks=[ANTHROPIC])
    script.tell("openai", fails(KeyRefused("401")))
    first, second = submit(alice), None

    drain()
    second = submit(alice)
    drain()

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.provider, second.provider) == ("anthropic", "anthropic")
    assert [p for p, _ in script.requests] == ["openai", "anthropic", "anthropic"]
    assert ProviderState.objects.get(provider="openai").paused_reason == "401"


def test_a_new_key_ends_the_pause(
    alice: User, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    from providers import catalogue

    preferences_of(alice, model=OPENAI, fallbacks=[])
    script.tell("openai", fails(KeyRefused("401")))
    submit(alice)
    drain()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-another")
    catalogue.invalidate()
    run = submit(alice)

    drain()

    run.refresh_from_db()
    assert run.status == "success"


def test_five_failures_open_the_circuit_and_one_probe_closes_it(
    alice: User, script: Script
) -> None:
    preferences_of(alice, model=OPENAI, fallbacks=[])
    script.tell("openai", *[fails(TimedOut())] * 5)
    for _ in range(5):
        submit(alice)
    drain(slots=1)
    asked = len(script.requests)
    waiting = [submit(alice, origin=Run.Origin.API), submit(alice, origin=Run.Origin.API)]
    by_hand = submit(alice)

    drain()

    by_hand.refresh_from_db()
    assert by_hand.status == "failed"
    assert by_hand.error.startswith("OpenAI is down until ")
    assert len(script.requests) == asked  # nobody is asked while it is open
    assert {r.status for r in Run.objects.filter(pk__in=[w.pk for w in waiting])} == {"pending"}
    past = timezone.now() - timedelta(seconds=1)
    ProviderState.objects.update(open_until=past)
    Run.objects.pending().update(available_at=past)
    drain()
    Run.objects.pending().update(available_at=past)
    drain()
    assert {r.status for r in Run.objects.filter(pk__in=[w.pk for w in waiting])} == {"success"}


def test_a_429_makes_everyone_wait_for_retry_after(alice: User, script: Script) -> None:
    preferences_of(alice, model=OPENAI, fallbacks=[])
    script.tell("openai", fails(RateLimited(retry_after_s=60)))
    first = submit(alice)
    drain()
    second = submit(alice, origin=Run.Origin.API)

    drain()

    first.refresh_from_db()
    second.refresh_from_db()
    assert first.status == "failed"  # more than we wait for within one run
    assert (second.status, second.lane) == ("pending", "openai")
    assert second.available_at > timezone.now() + timedelta(seconds=50)


def test_a_rate_limit_lets_only_its_share_through(alice: User, script: Script) -> None:
    from providers import catalogue
    from providers.models import Provider

    Provider.objects.filter(name="openai").update(requests_per_minute=50)  # five at once
    catalogue.invalidate()
    preferences_of(alice, model=OPENAI, fallbacks=[])
    for _ in range(12):
        submit(alice)

    drain()

    assert len(script.requests) == 5
    assert Run.objects.pending().filter(lane="openai").count() == 7


def test_a_disabled_operation_is_refused_at_once_and_skipped_when_it_was_queued(
    alice: User, script: Script
) -> None:
    run = submit(alice, model=OPENAI)
    preferences_of(alice, enabled=False)

    drain()

    run.refresh_from_db()
    assert run.status == "skipped"
    assert "switched off" in run.reason
    with pytest.raises(services.NotSubmitted, match="switched off"):
        submit(alice)


def test_runs_of_a_deactivated_account_are_skipped_and_refused(alice: User, script: Script) -> None:
    run = submit(alice, model=OPENAI)
    alice.is_active = False
    alice.save()

    drain()

    run.refresh_from_db()
    assert (run.status, run.reason) == ("skipped", "The account of alice is deactivated.")
    with pytest.raises(services.NotSubmitted, match="deactivated"):
        submit(alice)


def test_higher_priority_runs_first_and_owners_share(
    alice: User, bob: User, script: Script
) -> None:
    many = [submit(alice, model=OPENAI) for _ in range(6)]
    few = submit(bob, model=OPENAI)
    urgent = submit(alice, model=OPENAI, priority=9)

    drain(slots=2)

    order = list(Run.objects.order_by("started_at", "id").values_list("id", flat=True))
    assert order.index(urgent.pk) == 0
    assert order.index(few.pk) < order.index(many[3].pk)


def test_runs_of_a_dead_worker_come_back_with_their_open_call_booked(
    alice: User, script: Script
) -> None:
    run = submit(alice, model=OPENAI)
    attempt = lost_call(run)

    assert lease.reap() == 1
    drain()

    run.refresh_from_db()
    attempt.refresh_from_db()
    assert (run.status, run.claims, run.deaths) == ("success", 2, 1)
    assert (attempt.outcome, attempt.booked_usd) == ("unknown", attempt.ceiling_usd)
    assert run.attempts.count() == 2
    assert run.cost_usd is None
    assert spent(alice) == attempt.ceiling_usd + run.attempts.get(number=2).booked_usd
    assert held(alice) == 0
    assert not Hold.objects.exists()


def test_a_run_that_kills_two_workers_fails(alice: User, script: Script) -> None:
    run = submit(alice, model=OPENAI)
    lost_call(run)
    lease.reap()
    lost_call(run)

    lease.reap()

    run.refresh_from_db()
    assert run.status == "failed"
    assert "worker died" in run.error
    assert held(alice) == 0
    assert Usage.objects.get(operation="task-breakdown").failed == 1


def test_a_late_answer_is_refused_as_a_result_but_its_cost_is_booked(
    alice: User, script: Script
) -> None:

    run = submit(alice, model=OPENAI)
    engine = Engine(slots=1)
    engine.lease.beat(0)
    call = Turn(engine.lease.worker_id, timezone.now()).run([], [], 1).calls[0]
    silence(engine.lease.worker_id)
    lease.reap()
    drain()
    before = spent(alice)
    late = Completion({"steps": []}, Tokens(20, 10), "gpt-6-luna")

    Turn(engine.lease.worker_id, timezone.now()).run([Ended(call, 5, completion=late)], [], 0)

    run.refresh_from_db()
    attempt = Attempt.objects.get(pk=call.id)
    assert run.result == STEPS
    assert attempt.is_late
    assert attempt.cost_usd is not None
    assert spent(alice) == before - attempt.ceiling_usd + attempt.cost_usd
    assert run.cost_usd == sum(known_costs(run))
    assert Usage.objects.get().unknown_cost == 0
    engine._calls.close()


def test_settling_twice_books_once(alice: User, script: Script) -> None:

    submit(alice, model=OPENAI)
    engine = Engine(slots=1)
    engine.lease.beat(0)
    call = Turn(engine.lease.worker_id, timezone.now()).run([], [], 1).calls[0]
    ended = Ended(call, 5, completion=Completion(STEPS, Tokens(20, 10), "gpt-6-luna"))
    Turn(engine.lease.worker_id, timezone.now()).run([ended], [], 0)
    once = spent(alice)

    Turn(engine.lease.worker_id, timezone.now()).run([ended], [], 0)

    assert spent(alice) == once
    assert Usage.objects.get().runs == 1
    engine._calls.close()


def preferences_of(owner: User, **change: object) -> None:
    services.save_preferences(owner=owner, changes={"task-breakdown": change}, by=owner)
    preferences.forget(owner.pk)


def ceiling_of(owner: User) -> Decimal:
    """Return what one call of `submit` reserves, from a run of another owner."""
    from tests.builders import make_user

    other = make_user("measure")
    run = submit(other, model="anthropic:claude-haiku-5-5")
    run.requested_model = OPENAI
    run.save()
    services.cancel_run(run, by=other, reason="only measured")
    from operations.engine import planning
    from providers import catalogue

    row = (run.pk, owner.pk, run.operation, run.parameters, "command", 1, OPENAI, run.created_at)
    flight = planning.flight_of(row)
    planning.plan(flight, row, catalogue.snapshot(), timezone.now())
    from core.money import from_nanos

    return from_nanos(planning.next_call(flight, catalogue.snapshot(), timezone.now()).ceiling)


def lost_call(run: Run) -> Attempt:
    """Claim `run` as a worker that then falls silent; return its open call."""
    engine = Engine(slots=1)
    engine.lease.beat(0)
    call = Turn(engine.lease.worker_id, timezone.now()).run([], [], 1).calls[0]
    silence(engine.lease.worker_id)
    engine._calls.close()
    assert call.flight.run_id == run.pk
    return Attempt.objects.get(pk=call.id)


def known_costs(run: Run) -> list[Decimal]:
    return [attempt.cost_usd for attempt in run.attempts.all() if attempt.cost_usd is not None]


def silence(worker_id: UUID) -> None:
    long_ago = timezone.now() - timedelta(minutes=1)
    EngineWorker.objects.filter(pk=worker_id).update(beat_at=long_ago)


def test_an_answer_that_leaves_something_out_is_asked_for_again(
    alice: User, script: Script
) -> None:
    mails = {
        "emails": [
            {"id": "1", "subject": "One", "body": "One"},
            {"id": "2", "subject": "Two", "body": "Two"},
        ]
    }
    one = {"category": "other", "priority": 3, "confidence": 0.5, "reason": "Nothing."}

    def classifies(*ids: str) -> Completion:
        entries = [{"id": id_, **one} for id_ in ids]
        return Completion({"classifications": entries}, Tokens(10, 5), "gpt-6-luna")

    script.tell("openai", lambda _: classifies("1"), lambda _: classifies("1", "2"))
    run = services.submit(
        owner=alice,
        operation="email-classify",
        parameters=mails,
        origin=Run.Origin.COMMAND,
        model=OPENAI,
    )

    drain()

    run.refresh_from_db()
    first = run.attempts.get(number=1)
    assert run.status == "success"
    assert (first.error_code, first.error) == ("invalid_answer", "classifications: 2 are missing")
    assert script.requests[1][1].repair is not None
