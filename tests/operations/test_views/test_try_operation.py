from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from core.ids import uuid7
from operations import registry, services
from operations.models import Attempt, EngineWorker, Run
from providers import catalogue
from providers.models import ModelPrice
from tests.operations.kit import drain

pytestmark = pytest.mark.django_db

PAGE = "/operations/task-breakdown/"
TASK = {"mode": "form", "title": "Paint the shed", "max_steps": "4"}
TEN_MAILS = (Path(settings.BASE_DIR) / "tests/browser/mails.txt").read_text()
HTMX = {"HX-Request": "true", "HX-Target": "try-form"}
OPERATIONS = [operation.slug for operation in registry.all_operations()]


def named(values: dict[str, Any]) -> dict[str, Any]:
    """Return `values` as the page's form names them."""
    own = {"model": "", "token": str(uuid4())}
    names = ("model", "token", "estimate", "refused")
    outer: dict[str, Any] = {name: values[name] for name in names if name in values}
    rest = {f"parameters-{name}": values[name] for name in values.keys() - outer.keys()}
    return {**own, **outer, **rest}


def task(**changes: Any) -> dict[str, Any]:
    return named({**TASK, **changes})


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


@pytest.mark.parametrize("query", ["", "?example=1", "?as=json", "?example=1&as=json"])
@pytest.mark.parametrize("slug", OPERATIONS)
def test_every_operation_has_its_page(as_alice: Client, slug: str, query: str) -> None:
    response = as_alice.get(f"/operations/{slug}/{query}")

    assert response.status_code == 200
    assert registry.get(slug).title in text_of(response)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("slug", OPERATIONS)
def test_every_example_is_run_and_its_result_shown(
    as_alice: Client, alice: User, slug: str
) -> None:
    form = as_alice.get(f"/operations/{slug}/?example=1&as=json").context["parameters"]

    sent = named({"mode": "json", "json": form["json"].value()})
    response = as_alice.post(f"/operations/{slug}/", sent)
    drain()

    run = Run.objects.get(owner=alice)
    assert response["Location"] == f"/runs/{run.pk}/"
    assert (run.origin, run.status) == ("manual", "success")


@pytest.mark.django_db(transaction=True)
def test_ten_pasted_mails_are_classified(as_alice: Client) -> None:
    sent = named({"mode": "form", "emails-count": "0", "emails-paste": TEN_MAILS})

    as_alice.post("/operations/email-classify/", sent)
    drain()

    run = Run.objects.get()
    assert run.result is not None
    found = {each["id"]: each["category"] for each in run.result["classifications"]}
    assert len(found) == 10
    assert (found["1"], found["2"], found["4"]) == ("urgent", "newsletter", "receipt")


def test_a_run_is_shown_beside_the_form(as_alice: Client) -> None:
    response = as_alice.post(PAGE, task(), headers=HTMX)

    run = Run.objects.get()
    assert response.status_code == 200
    assert response["HX-Retarget"] == "#try-result"
    assert f'data-live="run?id={run.pk}"' in text_of(response)
    assert f'href="/runs/{run.pk}/"' in text_of(response)


def test_after_a_run_the_next_click_is_another(as_alice: Client) -> None:
    sent = task()

    response = as_alice.post(PAGE, sent, headers=HTMX)

    token = re.search(r'id="token" value="([^"]+)" hx-swap-oob', text_of(response))
    assert token is not None
    assert token[1] != sent["token"]


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_click_sent_twice_runs_once(as_alice: Client, headers: dict[str, str]) -> None:
    sent = task()

    first = as_alice.post(PAGE, sent, headers=headers)
    second = as_alice.post(PAGE, sent, headers=headers)

    assert Run.objects.count() == 1
    assert first.get("Location") == second.get("Location")


def test_a_form_that_was_changed_runs_again(as_alice: Client) -> None:
    sent = task()

    as_alice.post(PAGE, sent)
    as_alice.post(PAGE, {**sent, "parameters-title": "Paint the fence"})

    assert Run.objects.count() == 2


def test_one_person_s_token_does_not_show_another_s_run(
    as_alice: Client, as_bob: Client, bob: User
) -> None:
    sent = task()

    as_alice.post(PAGE, sent)
    response = as_bob.post(PAGE, sent)

    assert response["Location"] == f"/runs/{Run.objects.get(owner=bob).pk}/"


@pytest.mark.parametrize("token", ["", "x", "0" * 99])
def test_a_token_that_is_none_does_no_harm(as_alice: Client, token: str) -> None:
    assert as_alice.post(PAGE, task(token=token)).status_code == 302
    assert Run.objects.count() == 1


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"title": ""}, "This is required."),
        ({"max_steps": "31"}, "This must be at most 30."),
        ({"title": "a\x00b"}, "This must not contain the character NUL."),
        ({"title": "<script>alert(1)</script>" * 30}, "at most 500 characters"),
        ({"model": "openai:none"}, "Select a valid choice."),
        ({"mode": "json", "json": "{"}, "This is not JSON: line 1"),
        ({"mode": "json", "json": "[" * 100_000}, "nested too deeply"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_run(
    as_alice: Client, headers: dict[str, str], changes: dict[str, str], told: str
) -> None:
    response = as_alice.post(PAGE, task(**changes), headers=headers)

    assert response.status_code == 422
    assert told in text_of(response)
    assert "<script>alert" not in text_of(response)
    assert not Run.objects.exists()


def test_more_than_a_request_may_hold_is_refused(as_alice: Client) -> None:
    response = as_alice.post(PAGE, task(title="x" * 3_000_000))

    assert response.status_code == 400
    assert not Run.objects.exists()


def test_the_first_field_that_is_wrong_gets_the_focus(as_alice: Client) -> None:
    response = as_alice.post(PAGE, task(max_steps="0"), headers=HTMX)

    assert re.search(r'<input[^>]*name="parameters-max_steps"[^>]*autofocus', text_of(response))


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_button_of_the_form_runs_nothing(as_alice: Client, headers: dict[str, str]) -> None:
    response = as_alice.post(PAGE, task(**{"as": "json"}), headers=headers)

    assert response.status_code == 200
    assert "Paint the shed" in text_of(response)
    assert not Run.objects.exists()


@pytest.mark.parametrize("verb", [{"as": "form"}, {"as": "json"}, {"estimate": "1"}, {}])
def test_half_a_letter_cannot_break_the_page(as_alice: Client, verb: dict[str, str]) -> None:
    sent = named({"mode": "json", "json": '{"title": "\\ud800"}', **verb})

    response = as_alice.post(PAGE, sent)

    assert response.status_code == 422
    assert not Run.objects.exists()


def test_the_estimate_can_be_asked_for_without_javascript(as_alice: Client) -> None:
    response = as_alice.post(PAGE, task(estimate="1"))

    assert response.status_code == 200
    assert "Answered by rules, no AI model." in text_of(response)
    assert not Run.objects.exists()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_an_operation_that_is_off_is_refused(
    as_alice: Client, alice: User, headers: dict[str, str]
) -> None:
    off = {"task-breakdown": {"enabled": False}}
    services.save_preferences(owner=alice, changes=off, by=alice)

    page = as_alice.get(PAGE)
    response = as_alice.post(PAGE, task(), headers=headers)

    assert "is switched off in your settings" in text_of(page)
    assert re.search(r'id="run-button"[^>]* disabled', text_of(page))
    assert response.status_code == 409
    assert "is switched off in your preferences" in text_of(response)
    assert not Run.objects.exists()


@pytest.mark.usefixtures("_openai")
def test_a_budget_without_room_refuses_before_anything_is_asked(
    as_alice: Client, alice: User
) -> None:
    services.set_budget(owner=alice, limit_usd=Decimal(0), by=alice)

    estimate = as_alice.post(f"{PAGE}estimate/", task())
    response = as_alice.post(PAGE, task())

    assert "No room in the monthly budget “Everything”: $0.00 of $0.00 spent; " in text_of(estimate)
    assert 'href="/settings/budgets/#budget-total"' in text_of(estimate)
    assert response.status_code == 409
    assert not Run.objects.exists()


@pytest.mark.usefixtures("_openai")
def test_a_refusal_for_want_of_room_is_said_once_and_takes_the_button(
    as_alice: Client, alice: User
) -> None:
    services.set_budget(owner=alice, operation="task-breakdown", limit_usd=Decimal(0), by=alice)
    headers = {"HX-Request": "true", "HX-Target": "try-form"}
    disabled = re.compile(r'id="run-button"[^>]* disabled')

    started = as_alice.post(PAGE, task(), headers=headers)
    again = as_alice.post(f"{PAGE}estimate/", task(refused="1"), headers=headers)
    free = task(model="local:rules-1", refused="1")
    back = as_alice.post(f"{PAGE}estimate/", free, headers=headers)
    whole = as_alice.post(PAGE, task())

    said = text_of(started)
    assert started["HX-Retarget"] == "#estimate"
    assert said.count("No room in the monthly budget “Break a task down”") == 1
    assert "#budget-task-breakdown" in said
    assert "#toasts" not in said
    assert disabled.search(said)
    assert "run-button" not in text_of(again)
    assert "run-button" in text_of(back)
    assert not disabled.search(text_of(back))
    assert text_of(whole).count("No room in") == 1
    assert disabled.search(text_of(whole))
    assert not Run.objects.exists()


def test_without_a_worker_the_page_says_that_runs_wait(as_alice: Client) -> None:
    said = "a run is accepted, and waits"
    alone = text_of(as_alice.get(PAGE))
    EngineWorker.objects.create(host="here", pid=1, slots=1)

    assert said in alone
    assert said not in text_of(as_alice.get(PAGE))


def test_an_earlier_run_fills_the_form_in(as_alice: Client, alice: User) -> None:
    run = Run.objects.create(
        owner=alice,
        operation="task-breakdown",
        origin="command",
        parameters={"title": "Dig a well", "description": "", "max_steps": 3},
        requested_model="local:rules-1",
    )

    response = as_alice.get(f"{PAGE}?from={run.pk}")

    assert 'value="Dig a well"' in text_of(response)
    assert '<option value="local:rules-1" selected>' in text_of(response)


def test_the_defaults_of_a_person_are_filled_in(as_alice: Client, alice: User) -> None:
    changes = {"task-breakdown": {"parameters": {"max_steps": 17}}}
    services.save_preferences(owner=alice, changes=changes, by=alice)

    assert 'name="parameters-max_steps" value="17"' in text_of(as_alice.get(PAGE))


def test_nobody_starts_from_a_stranger_s_run(as_bob: Client, alice: User) -> None:
    run = Run.objects.create(owner=alice, operation="task-breakdown", origin="command")

    for wanted in (run.pk, uuid7(), "x"):
        assert as_bob.get(f"{PAGE}?from={wanted}").status_code == 404


def test_a_run_of_another_operation_fills_in_nothing(as_alice: Client, alice: User) -> None:
    run = Run.objects.create(owner=alice, operation="email-compose", origin="command")

    assert as_alice.get(f"{PAGE}?from={run.pk}").status_code == 404


@pytest.mark.parametrize("parameters", [[1, 2], "text", 5])
def test_parameters_that_are_no_object_leave_the_form_empty(
    alice: User, as_alice: Client, parameters: object
) -> None:
    run = Run.objects.create(
        owner=alice, operation="task-breakdown", origin="command", parameters=parameters
    )

    assert as_alice.get(f"{PAGE}?from={run.pk}").status_code == 200


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_not_for_this_page(as_alice: Client, method: str) -> None:
    assert getattr(as_alice, method)(PAGE).status_code == 405


@pytest.mark.parametrize("part", ["estimate/", "preview/"])
def test_its_parts_are_asked_for_by_post(as_alice: Client, part: str) -> None:
    assert as_alice.get(PAGE + part).status_code == 405


@pytest.mark.parametrize("part", ["", "estimate/", "preview/"])
def test_an_operation_that_is_none_is_not_found(as_alice: Client, part: str) -> None:
    assert as_alice.post(f"/operations/no-such/{part}").status_code == 404


@pytest.mark.parametrize("part", ["", "estimate/", "preview/"])
def test_a_visitor_is_sent_to_sign_in(client: Client, part: str) -> None:
    assert client.post(PAGE + part)["Location"].startswith("/sign-in/")


@pytest.mark.parametrize("query", ["", "?example=1"])
@pytest.mark.parametrize("slug", OPERATIONS)
def test_a_page_asks_the_database_little(
    as_alice: Client,
    slug: str,
    query: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    catalogue.snapshot()

    with django_assert_max_num_queries(12):
        as_alice.get(f"/operations/{slug}/{query}")


# --- the estimate ---------------------------------------------------------------------------------


@pytest.fixture
def _openai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    catalogue.invalidate()


def estimated(client: Client, **changes: Any) -> str:
    headers = {"HX-Request": "true", "HX-Target": "estimate"}
    return text_of(client.post(f"{PAGE}estimate/", task(**changes), headers=headers))


def test_rules_are_free(as_alice: Client) -> None:
    told = estimated(as_alice)

    assert told.strip().startswith('<div id="estimate"')
    assert "Free" in told
    assert "Answered by rules, no AI model." in told


@pytest.mark.usefixtures("_openai")
def test_a_model_s_price_is_told_with_its_range_and_what_is_reserved(as_alice: Client) -> None:
    told = estimated(as_alice)

    assert re.search(r"Mostly between \$[\d.]+ and \$[\d.]+", told)
    assert "OpenAI" in told
    assert re.search(r"Reserved</dt><dd>\$[\d.]+", told)


@pytest.mark.usefixtures("_openai")
def test_an_unknown_price_is_said_to_be_unknown(as_alice: Client) -> None:
    ModelPrice.objects.filter(model__provider__name="openai").delete()
    catalogue.invalidate()

    told = estimated(as_alice)

    assert "Price unknown" in told
    assert "Free" not in told


def test_an_unfinished_form_has_no_estimate_and_no_errors(as_alice: Client) -> None:
    told = estimated(as_alice, title="")

    assert "Fill in the form" in told
    assert "required" not in told


@pytest.mark.usefixtures("_openai")
def test_an_estimate_writes_nothing(as_alice: Client) -> None:
    estimated(as_alice)

    assert not Run.objects.exists()
    assert not Attempt.objects.exists()


def test_the_estimate_says_before_a_run_that_the_parameters_are_too_large(
    as_alice: Client,
) -> None:
    mails = "".join(f"From: {number}@example.com\n\n{'x' * 49_000}\n\n" for number in range(6))
    headers = {"HX-Request": "true", "HX-Target": "estimate"}

    told = text_of(
        as_alice.post(
            "/operations/email-classify/estimate/",
            {"parameters-emails-paste": mails},
            headers=headers,
        )
    )

    assert "at most 256 KiB and are 287 KiB; split them into several runs." in told


# --- the preview ----------------------------------------------------------------------------------


def test_a_preview_says_what_is_understood(as_alice: Client) -> None:
    sent = {"list": "emails", "field": "p-emails-paste", "p-emails-paste": TEN_MAILS}

    told = text_of(as_alice.post("/operations/email-classify/preview/", sent))

    assert 'id="id_p-emails-preview"' in told
    assert "Understood: 10 e-mails" in told
    assert "Märta Lindqvist" in told
    assert 'name="p-unpack" value="emails"' in told


def test_a_preview_does_not_call_understood_what_is_wrong(as_alice: Client) -> None:
    field = "parameters-series-paste"
    sent = {"list": "series", "field": field, field: "2026-11-01, 1\nyesterday, 2"}
    many = {"list": "emails", "field": field, field: "From: a\n\nx\n\n" * 105}

    told = text_of(as_alice.post("/operations/analytics-summary/preview/", sent))
    crowd = text_of(as_alice.post("/operations/email-classify/preview/", many))

    assert "1 of 2 understood" in told
    assert "Line 2, point 2" in told
    assert "Understood" not in told
    assert "105 e-mails, and at most 100 fit" in crowd


def test_half_a_letter_cannot_break_the_preview(as_alice: Client) -> None:
    sent = {
        "list": "emails",
        "field": "emails-paste",
        "emails-paste": '[{"subject": "\\ud800"}]',
    }

    told = text_of(as_alice.post("/operations/email-classify/preview/", sent))

    assert "half of a surrogate pair" in told


def test_a_preview_shows_markup_as_text(as_alice: Client) -> None:
    sent = {
        "list": "emails",
        "field": '"><script>-emails-paste',
        '"><script>-emails-paste': "From: <script>alert(1)</script>\n\nHi",
    }

    told = text_of(as_alice.post("/operations/email-classify/preview/", sent))

    assert "<script>" not in told


def test_a_list_that_is_none_has_no_preview(as_alice: Client) -> None:
    assert as_alice.post(f"{PAGE}preview/", {"list": "title"}).status_code == 404
