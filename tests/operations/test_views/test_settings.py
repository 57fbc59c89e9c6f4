from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from audit.models import AuditEvent
from operations import gate, registry, services
from operations.models import Budget, BudgetPeriod
from preferences import services as preferences
from preferences.services import OperationChoice
from providers import catalogue
from providers.models import Provider, ProviderModel
from tests.builders import make_user
from tests.conftest import signed_in

OPERATIONS = "/settings/operations/"
BUDGETS = "/settings/budgets/"
COMPOSE = "/settings/operations/email-compose/"
WHOLE = {"HX-Request": "true", "HX-Target": "operations-form"}
ROW = {"HX-Request": "true", "HX-Target": "budget-total"}
DIALOG = {"HX-Request": "true", "HX-Target": "dialog-body"}
BAD_AMOUNTS = [
    ("-1", "A limit is 0 USD or more."),
    ("-0.5", "A limit is 0 USD or more."),
    ("12,50", "Write the amount with a point and without commas, such as 1250.50."),
    ("1,000", "Write the amount with a point and without commas"),
    ("NaN", "Write an amount in USD, such as 12.50."),
    ("Infinity", "Write an amount in USD"),
    ("1e9", "Write an amount in USD"),
    ("ten", "Write an amount in USD"),
    (".", "Write an amount in USD"),
    ("١٢", "Write an amount in USD"),
    ("9" * 30, "A limit is at most $1,000,000,000.00 a month."),
    ("0" * 41, "Write an amount in USD, such as 12.50."),
    ("0.0000000001", "Write at most nine digits after the point."),
]


def table(**rows: dict[str, str]) -> dict[str, Any]:
    """Return what the whole table posts, as it is without a preference, changed by `rows`."""
    posted: dict[str, Any] = {"operation": [each.slug for each in registry.all_operations()]}
    for slug in posted["operation"]:
        row = {"enabled": "on", "model": "", "monthly_budget_usd": ""}
        row |= rows.get(slug.replace("-", "_"), {})
        posted |= {f"{slug}-{name}": value for name, value in row.items() if value != "off"}
    return posted


def choice_of(owner: User, operation: str) -> OperationChoice:
    return preferences.lookup(owner.pk, operation)


def limit_of(owner: User) -> Decimal | None:
    return services.budgets_of(owner)[0].limit_usd


def spend(owner: User, spent: str, held: str = "0", operation: str = "") -> None:
    scope = Budget.Scope.OPERATION if operation else Budget.Scope.TOTAL
    budget, _ = Budget.objects.get_or_create(
        owner=owner, operation=operation, defaults={"scope": scope}
    )
    BudgetPeriod.objects.create(
        budget=budget,
        period=gate.month_of(timezone.now(), owner.zone),
        spent_usd=Decimal(spent),
        held_usd=Decimal(held),
    )


def article(html: str, scope: str) -> str:
    """Return the words of one budget's row."""
    found = re.search(rf'<article class="limit" id="budget-{scope}">.*?</article>', html, re.DOTALL)
    assert found
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


# --- the table of operations --------------------------------------------------------------------


def test_the_table_has_a_row_for_every_operation(as_alice: Client) -> None:
    html = as_alice.get(OPERATIONS).content.decode()

    assert "9 of 9 switched on." in html
    for operation in registry.all_operations():
        assert f'name="{operation.slug}-model"' in html
        assert f'aria-label="Enable {operation.title}"' in html


def test_the_whole_table_is_saved_at_once(alice: User, as_alice: Client) -> None:
    response = as_alice.post(
        OPERATIONS,
        table(
            email_compose={"enabled": "off", "monthly_budget_usd": "12.50"},
            task_breakdown={"model": "local:rules-1"},
        ),
    )

    assert (response.status_code, response["Location"]) == (302, OPERATIONS)
    assert choice_of(alice, "email-compose") == OperationChoice(
        enabled=False, monthly_budget_usd=Decimal("12.50")
    )
    assert choice_of(alice, "task-breakdown").model == "local:rules-1"
    event = AuditEvent.objects.get(action="preferences.saved")
    assert set(json.loads(event.detail.text)["after"]) == {"email-compose", "task-breakdown"}


def test_saving_takes_one_read_and_one_write_of_preferences(
    as_alice: Client,
) -> None:
    every = {
        each.slug.replace("-", "_"): {"monthly_budget_usd": "5"}
        for each in registry.all_operations()
    }
    as_alice.get(OPERATIONS)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        as_alice.post(OPERATIONS, table(**every))

    told = [each["sql"] for each in queries if "user_operation_preferences" in each["sql"]]
    assert [sql.split()[0] for sql in told] == ["SELECT", "INSERT"]


def test_htmx_gets_the_table_as_it_is_now(as_alice: Client) -> None:
    response = as_alice.post(OPERATIONS, table(email_compose={"enabled": "off"}), headers=WHOLE)

    html = response.content.decode()
    assert response.status_code == 200
    assert html.strip().startswith("<form")
    assert "<html" not in html
    assert "Saved Compose an e-mail." in response["HX-Trigger"]


def test_saving_nothing_new_says_so_and_records_nothing(as_alice: Client) -> None:
    response = as_alice.post(OPERATIONS, table(), headers=WHOLE)

    assert "Nothing was changed." in response["HX-Trigger"]
    assert not AuditEvent.objects.filter(action="preferences.saved").exists()


@pytest.mark.parametrize(("amount", "words"), BAD_AMOUNTS)
def test_a_bad_row_is_told_in_place_and_nothing_is_written(
    alice: User, as_alice: Client, amount: str, words: str
) -> None:
    response = as_alice.post(
        OPERATIONS,
        table(email_compose={"enabled": "off"}, task_breakdown={"monthly_budget_usd": amount}),
        headers=WHOLE,
    )

    html = response.content.decode()
    error = html.partition('id="id_task-breakdown-monthly_budget_usd_error"')[2]
    assert response.status_code == 422
    assert words in error.partition("</p>")[0]
    assert "Nothing was saved: 1 row needs another value." in html
    assert choice_of(alice, "email-compose") == OperationChoice()


def test_every_bad_row_is_told(as_alice: Client) -> None:
    response = as_alice.post(
        OPERATIONS,
        table(email_compose={"model": "openai:gone"}, task_breakdown={"monthly_budget_usd": "x"}),
    )

    html = response.content.decode()
    assert response.status_code == 422
    assert "2 rows need another value." in html
    assert "“openai:gone” is not offered any more." in html


def test_a_row_that_was_not_posted_keeps_what_it_says(alice: User, as_alice: Client) -> None:
    as_alice.post(OPERATIONS, {"operation": "email-compose", "email-compose-enabled": "on"})

    assert choice_of(alice, "task-breakdown").enabled
    assert choice_of(alice, "email-compose").enabled


def test_a_retired_model_may_stay_and_is_named(alice: User, as_alice: Client) -> None:
    model = ProviderModel.objects.filter(provider__name="anthropic").select_related("provider")[0]
    ref = f"anthropic:{model.name}"
    changes = {"email-compose": {"model": ref}}
    services.save_preferences(owner=alice, changes=changes, by=alice)
    ProviderModel.objects.filter(pk=model.pk).update(is_retired=True)
    catalogue.invalidate()

    page = as_alice.get(OPERATIONS).content.decode()
    saved = as_alice.post(
        OPERATIONS, table(email_compose={"model": ref, "monthly_budget_usd": "3"})
    )

    assert f"{model.label} is retired; choose another model." in page
    assert f'<option value="{ref}" selected>{model.label} (retired' in page
    assert saved.status_code == 302
    assert choice_of(alice, "email-compose").monthly_budget_usd == 3


def test_a_model_without_a_key_or_a_price_is_named(as_alice: Client) -> None:
    provider = Provider.objects.get(name="openai")
    ProviderModel.objects.create(
        provider=provider, name="new", label="Quite new", tier="cheap", rank=99
    )

    html = as_alice.get(OPERATIONS).content.decode()

    assert "Quite new (no key, no known price)" in html


def test_a_persons_table_is_their_own(bob: User, as_alice: Client) -> None:
    as_alice.post(OPERATIONS, table(email_compose={"enabled": "off"}))

    assert choice_of(bob, "email-compose").enabled


def test_the_table_asks_the_database_little(
    as_alice: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    as_alice.get(OPERATIONS)
    preferences._memory.clear()

    with django_assert_max_num_queries(6):
        as_alice.get(OPERATIONS)


# --- default parameters -------------------------------------------------------------------------


def test_the_dialog_shows_the_parameters(alice: User, as_alice: Client) -> None:
    changes = {"email-compose": {"parameters": {"tone": "friendly"}}}
    services.save_preferences(owner=alice, changes=changes, by=alice)

    response = as_alice.get(COMPOSE, headers=DIALOG)

    html = response.content.decode()
    assert html.startswith('<div id="dialog-body">')
    assert '<option value="friendly" selected>' in html


def test_saving_parameters_changes_the_link_and_closes_the_dialog(
    alice: User, as_alice: Client
) -> None:
    posted = {"parameters-mode": "form", "parameters-tone": "friendly"}

    response = as_alice.post(COMPOSE, posted, headers=DIALOG)

    assert choice_of(alice, "email-compose").parameters == {"tone": "friendly"}
    assert response["HX-Retarget"] == "#parameters-email-compose"
    assert "dialog:close" in response["HX-Trigger"]
    assert "1 set" in response.content.decode()


def test_saving_parameters_without_javascript_goes_back_to_the_table(as_alice: Client) -> None:
    response = as_alice.post(COMPOSE, {"parameters-mode": "json", "parameters-json": "{}"})

    assert (response.status_code, response["Location"]) == (302, OPERATIONS)


def test_parameters_that_do_not_fit_are_refused_in_place(alice: User, as_alice: Client) -> None:
    posted = {"parameters-mode": "json", "parameters-json": '{"tone": "rude"}'}

    response = as_alice.post(COMPOSE, posted, headers=DIALOG)

    assert response.status_code == 422
    assert "Tone" in response.content.decode()
    assert choice_of(alice, "email-compose").parameters == {}


def test_a_button_inside_the_parameters_saves_nothing(alice: User, as_alice: Client) -> None:
    posted = {"parameters-mode": "form", "parameters-tone": "friendly", "parameters-as": "json"}

    response = as_alice.post(COMPOSE, posted, headers=DIALOG)

    assert response.status_code == 200
    assert "&quot;tone&quot;: &quot;friendly&quot;" in response.content.decode()
    assert choice_of(alice, "email-compose").parameters == {}


def test_an_operation_that_is_not_there_has_no_parameters(as_alice: Client) -> None:
    assert as_alice.get("/settings/operations/nothing/").status_code == 404


# --- budgets ------------------------------------------------------------------------------------


def test_a_budget_says_what_is_spent_held_and_free(alice: User, as_alice: Client) -> None:
    services.set_budget(owner=alice, limit_usd=Decimal(10), by=alice)
    spend(alice, "2.50", "0.75")

    html = as_alice.get(BUDGETS).content.decode()

    words = article(html, "total")
    assert "Spent $2.50 Held $0.75 Free $6.75" in words
    assert "Over" not in words
    assert "reached" not in words
    assert "$2.50 spent of $10.00 this month." in html


def test_a_budget_with_nothing_to_tell_is_a_line(as_alice: Client) -> None:
    html = as_alice.get(BUDGETS).content.decode()

    assert "Spent $0.00" in article(html, "total")
    assert "Spent" not in article(html, "email-compose")
    assert 'name="email-compose-limit"' in html


@pytest.mark.parametrize(
    ("spent", "held", "word"),
    [
        ("7.99", "0", ""),
        ("7", "1", "80% used"),
        ("9.99", "0", "99% used"),
        ("9", "1", "Limit reached"),
        ("10", "0", "Limit reached"),
        ("10.01", "0", "Over the limit"),
    ],
)
def test_a_budget_near_its_end_says_so_in_words(
    alice: User, as_alice: Client, spent: str, held: str, word: str
) -> None:
    services.set_budget(owner=alice, limit_usd=Decimal(10), by=alice)
    spend(alice, spent, held)

    html = as_alice.get(BUDGETS).content.decode()

    found = re.findall(r'<span class="badge"[^>]*>([^<]+)<', html)
    assert found == ([word] if word else [])


def test_the_month_ends_in_the_zone_of_its_owner(db: None) -> None:
    berliner = make_user("berliner", zone="Europe/Berlin")

    html = signed_in(berliner).get(BUDGETS).content.decode()

    assert re.search(r'Resets</dt><dd><time datetime="[\d-]+T00:00:00\+0[12]:00"', html)
    assert "00:00" in article(html, "total")


@pytest.mark.parametrize("scope", ["total", "email-compose"])
def test_a_limit_is_set_in_place(alice: User, as_alice: Client, scope: str) -> None:
    target = {**ROW, "HX-Target": f"budget-{scope}"}

    response = as_alice.post(BUDGETS, {"scope": scope, f"{scope}-limit": "12.5"}, headers=target)

    html = response.content.decode()
    reports = {each.scope: each.limit_usd for each in services.budgets_of(alice)}
    assert response.status_code == 200
    assert reports[scope] == Decimal("12.5")
    assert "Free $12.50" in article(html, scope)
    assert 'value="12.50"' in html
    assert "<html" not in html
    assert "may spend $12.50 a month." in response["HX-Trigger"]
    assert 'id="budget-facts" hx-swap-oob="true"' in html


def test_without_javascript_the_page_shows_the_row_again(alice: User, as_alice: Client) -> None:
    response = as_alice.post(BUDGETS, {"scope": "total", "total-limit": "$7"})

    assert (response.status_code, response["Location"]) == (302, f"{BUDGETS}#budget-total")
    assert limit_of(alice) == 7


@pytest.mark.parametrize("posted", [{"lift": "1", "total-limit": "nonsense"}, {"total-limit": " "}])
def test_a_limit_is_lifted(alice: User, as_alice: Client, posted: dict[str, str]) -> None:
    services.set_budget(owner=alice, limit_usd=Decimal(10), by=alice)

    response = as_alice.post(BUDGETS, {"scope": "total", **posted}, headers=ROW)

    assert limit_of(alice) is None
    assert "Everything has no limit now." in response["HX-Trigger"]


def test_a_limit_of_nothing_is_a_limit(alice: User, as_alice: Client) -> None:
    response = as_alice.post(BUDGETS, {"scope": "total", "total-limit": "0"}, headers=ROW)

    assert limit_of(alice) == 0
    assert "Limit reached" in article(response.content.decode(), "total")


@pytest.mark.parametrize(("amount", "words"), BAD_AMOUNTS)
def test_a_bad_limit_is_told_in_place(
    alice: User, as_alice: Client, amount: str, words: str
) -> None:
    posted = {"scope": "total", "total-limit": amount}

    part = as_alice.post(BUDGETS, posted, headers=ROW)
    page = as_alice.post(BUDGETS, posted)

    for response in (part, page):
        assert response.status_code == 422
        assert words in article(response.content.decode(), "total")
    assert 'aria-invalid="true"' in part.content.decode()
    assert limit_of(alice) is None


@pytest.mark.parametrize("scope", ["", "nothing", "Total"])
def test_a_budget_that_is_not_there_gets_no_limit(as_alice: Client, scope: str) -> None:
    response = as_alice.post(BUDGETS, {"scope": scope, f"{scope}-limit": "1"})

    assert response.status_code == 404


def test_what_was_spent_on_an_operation_that_is_gone_still_shows(
    alice: User, as_alice: Client
) -> None:
    spend(alice, "3.00", operation="email-translate")

    html = as_alice.get(BUDGETS).content.decode()

    assert "Spent $3.00" in article(html, "email-translate")
    assert 'name="email-translate-limit"' not in html


def test_nobody_sees_or_sets_anothers_budget(alice: User, bob: User, as_bob: Client) -> None:
    services.set_budget(owner=alice, limit_usd=Decimal(10), by=alice)
    spend(alice, "2.50")

    html = as_bob.get(BUDGETS).content.decode()
    as_bob.post(BUDGETS, {"scope": "total", "total-limit": "1"})

    assert "$2.50" not in html
    assert limit_of(alice) == 10


def test_budgets_ask_the_database_little(
    alice: User, as_alice: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for operation in registry.all_operations():
        spend(alice, "1.00", operation=operation.slug)
    as_alice.get(BUDGETS)

    with django_assert_max_num_queries(8):
        as_alice.get(BUDGETS)


@pytest.mark.parametrize("address", [OPERATIONS, BUDGETS, COMPOSE])
def test_the_settings_are_for_who_is_signed_in(client: Client, db: None, address: str) -> None:
    assert client.get(address)["Location"].startswith("/sign-in/")


def test_a_models_name_is_text_in_the_list_of_models(as_alice: Client) -> None:
    provider = Provider.objects.get(name="openai")
    label = '"><script>alert(1)</script>'
    ProviderModel.objects.create(provider=provider, name="odd", label=label, tier="cheap", rank=99)

    html = as_alice.get(OPERATIONS).content.decode()

    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
