from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from core.errors import DomainError
from operations import gate, services
from operations.engine import planning
from operations.models import Attempt, Budget, BudgetPeriod, Run
from operations.services import Forecast, NotSubmitted
from operations.validation import InvalidParameters
from providers import catalogue
from providers import services as providers
from providers.protocol import Completion, Usage
from tests.operations.kit import STEPS, TASK, Script, drain, script, submit

__all__ = ["script"]
pytestmark = pytest.mark.django_db
OPENAI = "openai:gpt-6-luna"


@pytest.fixture(autouse=True)
def _openai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    catalogue.invalidate()


def forecast(owner: User, **more: Any) -> Forecast:
    given = {"operation": "task-breakdown", "parameters": TASK, "model": OPENAI, **more}
    return services.estimate_of(owner=owner, **given)


@pytest.mark.django_db(transaction=True)
def test_a_run_holds_and_expects_what_was_foreseen(alice: User, script: Script) -> None:
    foreseen = forecast(alice)

    run = submit(alice, model=OPENAI)
    drain()

    run.refresh_from_db()
    assert foreseen.estimate is not None
    assert (foreseen.estimate.low_usd, foreseen.estimate.mid_usd, foreseen.estimate.high_usd) == (
        run.cost_low_usd,
        run.cost_mid_usd,
        run.cost_high_usd,
    )
    assert run.attempts.get().ceiling_usd == foreseen.held_usd
    assert (run.provider, run.model) == (foreseen.provider.name, foreseen.model.name)


def test_the_defaults_of_the_owner_count(alice: User) -> None:
    large = {"task-breakdown": {"parameters": {"max_steps": 30}}}
    before = forecast(alice, parameters={"title": "Paint"})
    services.save_preferences(owner=alice, changes=large, by=alice)

    assert forecast(alice, parameters={"title": "Paint"}).held_usd > before.held_usd


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"parameters": {}}, InvalidParameters),
        ({"model": "openai:none"}, NotSubmitted),
        ({"model": "anthropic:claude-opus-5"}, DomainError),
        ({"operation": "no-such"}, DomainError),
    ],
)
def test_what_would_not_be_submitted_is_not_estimated(
    alice: User, given: dict[str, Any], error: type[DomainError]
) -> None:
    with pytest.raises(error):
        forecast(alice, **given)


def test_foreseeing_writes_nothing(alice: User) -> None:
    forecast(alice)

    for model in (Run, Attempt, Budget, BudgetPeriod):
        assert not model._default_manager.exists()


@pytest.mark.parametrize("scope", ["", "task-breakdown"])
def test_a_limit_below_the_ceiling_refuses(alice: User, scope: str) -> None:
    held = forecast(alice).held_usd
    services.set_budget(owner=alice, limit_usd=held, operation=scope, by=alice)
    enough = forecast(alice)
    services.set_budget(owner=alice, limit_usd=held - Decimal("1e-9"), operation=scope, by=alice)

    assert enough.refusal == ""
    assert "No room in the monthly budget" in forecast(alice).refusal


def test_what_was_spent_this_month_counts_and_what_is_held_waits(alice: User) -> None:
    held = forecast(alice).held_usd
    services.set_budget(owner=alice, limit_usd=2 * held, by=alice)
    month = gate.month_of(timezone.now(), alice.zone)
    period = BudgetPeriod.objects.create(budget=Budget.objects.get(), period=month)
    BudgetPeriod.objects.create(budget=Budget.objects.get(), period="2020-01", spent_usd=99)

    told = []
    for spent, in_flight in ((held, 0), (0, 2 * held), (held + Decimal("1e-9"), 0)):
        BudgetPeriod.objects.filter(pk=period.pk).update(spent_usd=spent, held_usd=in_flight)
        told.append(bool(forecast(alice).refusal))

    assert told == [False, False, True]


def test_rules_pass_every_budget(alice: User) -> None:
    services.set_budget(owner=alice, limit_usd=Decimal(0), by=alice)

    foreseen = forecast(alice, model="local:rules-1")

    assert (foreseen.is_local, foreseen.held_usd, foreseen.refusal) == (True, Decimal(0), "")


@pytest.mark.django_db(transaction=True)
def test_an_estimate_is_rough_until_five_runs_were_seen(alice: User, script: Script) -> None:
    rough = forecast(alice).estimate
    script.tell("openai", *[lambda _: Completion(STEPS, Usage(300, 80), "gpt-6-luna")] * 5)
    for _ in range(5):
        submit(alice, model=OPENAI)
    drain()

    planning._histories._values.clear()  # a minute later
    known = forecast(alice).estimate
    assert rough is not None
    assert known is not None
    assert (rough.is_rough, known.is_rough) == (True, False)


@pytest.mark.django_db(transaction=True)
def test_thirteen_runs_of_one_cost_are_expected_to_cost_it_again(
    alice: User, settings: Settings
) -> None:
    """Also of a provider that counts less in a prompt than we do: this one leaves the form out."""
    settings.HELIX_SIMULATED_PROVIDER = "1"
    providers.sync_catalogue()
    for _ in range(13):
        run = services.submit(
            owner=alice,
            operation="analytics-summary",
            parameters={"days": 7},
            origin=Run.Origin.MANUAL,
            model="simulated:simulated-1",
        )
        drain()
    run.refresh_from_db()
    planning._histories._values.clear()  # a minute later

    foreseen = forecast(
        alice,
        operation="analytics-summary",
        parameters={"days": 7},
        model="simulated:simulated-1",
    ).estimate

    assert foreseen is not None
    assert run.cost_usd is not None
    assert not foreseen.is_rough
    assert foreseen.low_usd <= run.cost_usd <= foreseen.high_usd
    assert foreseen.high_usd < 2 * run.cost_usd


@pytest.mark.django_db(transaction=True)
def test_a_prompt_of_another_size_is_still_unlike_those_seen(alice: User, script: Script) -> None:
    script.tell("openai", *[lambda _: Completion(STEPS, Usage(100, 80), "gpt-6-luna")] * 6)
    for _ in range(6):
        submit(alice, model=OPENAI)
    drain()
    planning._histories._values.clear()

    alike = forecast(alice).estimate
    longer = forecast(alice, parameters={**TASK, "description": "Many words more. " * 900}).estimate

    assert alike is not None
    assert longer is not None
    assert (alike.is_rough, longer.is_rough) == (False, True)


@pytest.mark.django_db(transaction=True)
def test_past_parameters_that_are_no_longer_valid_are_not_counted_again(
    alice: User, script: Script
) -> None:
    for _ in range(5):
        submit(alice, model=OPENAI)
    drain()
    Run.objects.update(parameters={"gone": [1]})
    planning._histories._values.clear()

    assert forecast(alice).estimate is not None
