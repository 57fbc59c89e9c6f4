from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from operations import registry, services
from operations.models import Usage
from providers import catalogue

pytestmark = pytest.mark.django_db

PAGE = "/operations/"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def use(owner: User, hour: datetime, operation: str = "email-classify", **sums: Any) -> None:
    Usage.objects.create(
        owner=owner,
        hour=hour,
        operation=operation,
        provider="local",
        model="rules-1",
        origin="cron",
        **sums,
    )


def card(response: Any, slug: str) -> Any:
    kinds = response.context["kinds"]
    return next(each for kind in kinds for each in kind.cards if each.operation.slug == slug)


def test_all_operations_stand_under_their_kind(as_alice: Client) -> None:
    response = as_alice.get(PAGE)

    assert [kind.title for kind in response.context["kinds"]] == [
        *("Mail", "Calendar", "Tasks", "Analytics")
    ]
    for operation in registry.all_operations():
        assert f'href="/operations/{operation.slug}/"' in response.content.decode()
        assert operation.title in text_of(response)


def test_without_any_key_rules_would_answer(as_alice: Client) -> None:
    assert text_of(as_alice.get(PAGE)).count("By rules, no AI model") == 9


def test_the_model_that_would_answer_is_named(
    as_alice: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    catalogue.invalidate()
    changes = {"email-compose": {"model": "openai:gpt-6-luna"}}
    services.save_preferences(owner=alice, changes=changes, by=alice)

    response = as_alice.get(PAGE)

    assert 'title="openai:gpt-6-luna"' in response.content.decode()


def test_a_model_that_cannot_be_asked_is_said_to_be_none(as_alice: Client, alice: User) -> None:
    changes = {"email-compose": {"model": "openai:gpt-6-luna"}}
    services.save_preferences(owner=alice, changes=changes, by=alice)

    assert "OpenAI has no key here" in text_of(as_alice.get(PAGE))


def test_an_operation_that_is_off_says_so(as_alice: Client, alice: User) -> None:
    changes = {"email-compose": {"enabled": False}}
    services.save_preferences(owner=alice, changes=changes, by=alice)

    told = text_of(as_alice.get(PAGE))

    assert "1 switched off." in told
    assert "Switched off" in told


@time_machine.travel(NOW, tick=False)
def test_the_month_counts_its_runs_alone(as_alice: Client, alice: User, bob: User) -> None:
    use(alice, NOW, runs=3, succeeded=2, failed=1, cost_usd=Decimal("0.02"))
    use(alice, NOW - timedelta(days=20), runs=1, succeeded=1, cost_usd=Decimal("0.01"))
    use(alice, NOW - timedelta(days=30), runs=9, succeeded=9, cost_usd=Decimal(9))
    use(bob, NOW, runs=9, succeeded=9, cost_usd=Decimal(9))

    response = as_alice.get(PAGE)

    month = card(response, "email-classify").month
    assert (month.runs, month.success, month.cost_usd) == (4, 0.75, Decimal("0.03"))
    assert "4 runs this month for $0.03." in text_of(response)


@time_machine.travel(NOW, tick=False)
def test_the_month_begins_where_its_owner_lives(as_alice: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(zone="Pacific/Auckland")
    use(alice, datetime(2026, 10, 31, 11, tzinfo=UTC), runs=1, succeeded=1)
    use(alice, datetime(2026, 10, 31, 10, tzinfo=UTC), runs=1, succeeded=1)

    assert card(as_alice.get(PAGE), "email-classify").month.runs == 1


@time_machine.travel(NOW, tick=False)
def test_unknown_costs_are_counted_beside_the_sum(as_alice: Client, alice: User) -> None:
    use(alice, NOW, runs=2, succeeded=2, unknown_cost=1, cost_usd=Decimal("0.02"))

    told = text_of(as_alice.get(PAGE))

    assert "1 of them at unknown cost" in told
    assert "$0.02 + 1 unknown" in told


def test_the_page_asks_the_database_as_much_for_many_hours_as_for_few(
    as_alice: Client, alice: User
) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    as_alice.get(PAGE)
    with CaptureQueriesContext(
        connection,
    ) as few:
        as_alice.get(PAGE)
    for number in range(30):
        use(alice, hour - timedelta(hours=number), runs=1)

    with CaptureQueriesContext(connection) as many:
        as_alice.get(PAGE)

    assert len(few) == len(many) <= 12


def test_the_list_is_only_read(as_alice: Client) -> None:
    assert as_alice.post(PAGE).status_code == 405
