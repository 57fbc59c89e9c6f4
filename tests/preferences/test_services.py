from __future__ import annotations

import json
import timeit
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit.models import AuditDetail, AuditEvent
from core.errors import DomainError
from preferences import services
from preferences.models import OperationPreference
from preferences.services import OperationChoice
from providers import catalogue

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def save(owner: User, changes: dict[str, dict[str, Any]]) -> dict[str, OperationChoice]:
    return services.save(owner=owner, changes=changes, by=owner, now=NOW)


def preference_statements(queries: CaptureQueriesContext) -> list[str]:
    return [q["sql"] for q in queries if "user_operation_preferences" in q["sql"]]


def known_model() -> str:
    models = catalogue.snapshot().models
    return sorted(ref for ref, model in models.items() if not model.is_retired)[0]


def test_without_a_row_the_defaults_hold(alice: User) -> None:
    assert services.lookup(alice.pk, "email-classify") == OperationChoice()


def test_a_saved_choice_is_looked_up_at_once(alice: User) -> None:
    services.lookup(alice.pk, "email-classify")
    model = known_model()

    save(
        alice,
        {
            "email-classify": {
                "enabled": False,
                "model": model,
                "fallbacks": [],
                "allow_local": False,
                "parameters": {"tone": "formal"},
                "monthly_budget_usd": "12.50",
            }
        },
    )

    assert services.lookup(alice.pk, "email-classify") == OperationChoice(
        enabled=False,
        model=model,
        fallbacks=(),
        allow_local=False,
        parameters={"tone": "formal"},
        monthly_budget_usd=Decimal("12.5"),
    )


def test_fields_not_named_keep_their_values(alice: User) -> None:
    save(alice, {"email-classify": {"enabled": False, "monthly_budget_usd": 3}})

    saved = save(alice, {"email-classify": {"enabled": True}})

    assert saved["email-classify"].monthly_budget_usd == Decimal(3)
    assert services.lookup(alice.pk, "email-classify").monthly_budget_usd == Decimal(3)


def test_another_process_s_save_is_seen_when_memory_ends(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 100.0
    monkeypatch.setattr("preferences.services.time.monotonic", lambda: clock)
    services.lookup(alice.pk, "email-classify")
    OperationPreference.objects.create(
        owner=alice, operation="email-classify", enabled=False, updated_at=NOW
    )

    assert services.lookup(alice.pk, "email-classify").enabled
    clock += services.MEMORY_S + 0.01
    assert not services.lookup(alice.pk, "email-classify").enabled


def test_a_remembered_choice_costs_no_query_and_microseconds(alice: User) -> None:
    services.lookup(alice.pk, "email-classify")

    with CaptureQueriesContext(connection) as queries:
        seconds = timeit.timeit(lambda: services.lookup(alice.pk, "email-classify"), number=10_000)

    assert not queries.captured_queries
    assert seconds / 10_000 < 0.001


def test_many_owners_are_read_in_one_query(alice: User, bob: User, sam: User) -> None:
    save(bob, {"email-classify": {"enabled": False}})
    services.lookup(sam.pk, "email-classify")
    wanted = [(user.pk, "email-classify") for user in (alice, bob, sam)]

    with CaptureQueriesContext(connection) as queries:
        found = services.lookup_many(wanted)

    assert len(queries) == 1
    assert [found[pair].enabled for pair in wanted] == [True, False, True]


@pytest.mark.parametrize("count", [10, 1_000])
def test_saving_takes_two_statements_for_any_number_of_rows(alice: User, count: int) -> None:
    save(alice, {f"operation-{n}": {"enabled": False} for n in range(0, count, 2)})

    with CaptureQueriesContext(connection) as queries:
        save(alice, {f"operation-{n}": {"monthly_budget_usd": n} for n in range(count)})

    assert len(preference_statements(queries)) == 2
    rows = OperationPreference.objects.filter(owner=alice)
    assert rows.count() == count
    assert rows.filter(enabled=False).count() == count // 2
    assert rows.get(operation="operation-7").monthly_budget_usd == Decimal(7)


def test_a_save_is_audited_with_what_was_and_what_is(alice: User) -> None:
    save(alice, {"email-classify": {"monthly_budget_usd": "1.5"}})
    save(alice, {"email-classify": {"monthly_budget_usd": "2.5", "enabled": True}})

    detail = json.loads(AuditDetail.objects.latest("event__seq").text)
    assert detail == {
        "before": {"email-classify": {"monthly_budget_usd": "1.500000000"}},
        "after": {"email-classify": {"monthly_budget_usd": "2.5"}},
    }


def test_a_save_that_changes_nothing_is_not_audited(alice: User) -> None:
    save(alice, {"email-classify": {"enabled": False}})
    before = AuditEvent.objects.count()

    save(alice, {"email-classify": {"enabled": False}})

    assert AuditEvent.objects.count() == before


def test_one_bad_row_saves_none(alice: User) -> None:
    with pytest.raises(DomainError):
        save(alice, {"email-classify": {"enabled": False}, "email-compose": {"enabled": "maybe"}})

    assert not OperationPreference.objects.filter(owner=alice).exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"enabled": "yes"}, "enabled must be yes or no"),
        ({"allow_local": 1}, "allow_local must be yes or no"),
        ({"model": "openai:no-such"}, "model names no model, “openai:no-such”. Choose one of: "),
        ({"fallbacks": ["openai:no-such"]}, "fallbacks names no model"),
        ({"fallbacks": "openai:x"}, "fallbacks must be a list"),
        ({"parameters": []}, "parameters must be an object"),
        ({"monthly_budget_usd": "-1"}, "monthly_budget_usd must not be below 0"),
        ({"monthly_budget_usd": "NaN"}, "monthly_budget_usd must be an amount"),
        ({"monthly_budget_usd": "1e30"}, "monthly_budget_usd must be an amount"),
        ({"modle": "x"}, "“modle” is not a preference"),
    ],
)
def test_a_bad_change_names_the_operation_and_the_field(
    alice: User, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(DomainError) as refusal:
        save(alice, {"email-classify": change})

    assert str(refusal.value).startswith("email-classify: ")
    assert words in str(refusal.value)


def test_a_stranger_s_choices_are_another_s(alice: User, bob: User) -> None:
    save(alice, {"email-classify": {"enabled": False}})

    assert services.lookup(bob.pk, "email-classify").enabled
    assert not OperationPreference.objects.visible_to(bob).exists()
