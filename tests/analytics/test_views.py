from __future__ import annotations

import pytest
from django.http import QueryDict
from django.test import Client

from accounts.models import User
from analytics import condition, findings, live
from operations.models import Run
from preferences.models import ThemePreference
from scheduling.models import NOT_COMPUTED
from tests.scheduling.builders import make_schedule


@pytest.fixture(autouse=True)
def _looks_again() -> None:
    condition.forget()
    findings.forget()


def test_the_front_door_is_the_overview(as_alice: Client) -> None:
    page = as_alice.get("/").content.decode()

    assert "<h1>Overview</h1>" in page
    assert "First steps" in page
    assert "No runs yet" in page


def test_visitors_are_sent_to_sign_in(db: None) -> None:
    assert Client().get("/").status_code == 302


def test_htmx_gets_the_part_it_asks_for(as_alice: Client) -> None:
    headers = {"HX-Request": "true", "HX-Target": "overview"}

    part = as_alice.get("/", headers=headers).content.decode()

    assert "<html" not in part
    assert 'id="overview"' in part


def test_the_live_part_is_the_part_of_the_page(alice: User, as_alice: Client) -> None:
    page = as_alice.get("/").content.decode()

    part = live.render_overview(alice, QueryDict())

    assert part.strip().startswith('<div class="stack" id="overview" data-live="overview">')
    assert "csrfmiddlewaretoken" not in part
    assert '<h3 class="wrap-anywhere">No worker is running</h3>' in part
    assert '<h3 class="wrap-anywhere">No worker is running</h3>' in page


def test_the_card_beside_every_page_is_a_live_part(alice: User, as_alice: Client) -> None:
    part = live.render_health(alice, QueryDict())

    assert 'data-live="health"' in part
    assert part.strip() in as_alice.get("/").content.decode()


def test_a_name_with_markup_is_text(alice: User, as_alice: Client) -> None:
    make_schedule(
        owner=alice,
        name="<img src=x>",
        enabled=False,
        pause_reason=f"{NOT_COMPUTED}<b>",
        type="manual",
    )

    page = as_alice.get("/").content.decode()

    assert "<img src=x>" not in page
    assert "&lt;img src=x&gt;" in page


def test_the_steps_can_be_hidden(alice: User, as_alice: Client) -> None:
    response = as_alice.post("/checklist/hide/")

    assert (response.status_code, response["Location"]) == (302, "/")
    assert ThemePreference.objects.get(owner=alice).is_checklist_hidden
    assert "First steps" not in as_alice.get("/").content.decode()


def test_hiding_the_steps_keeps_the_look(alice: User, as_alice: Client) -> None:
    as_alice.post("/settings/theme/", {"theme": "dark"})

    as_alice.post("/checklist/hide/")

    assert ThemePreference.objects.get(owner=alice).theme == "dark"


def test_steps_are_not_hidden_by_a_link(as_alice: Client) -> None:
    assert as_alice.get("/checklist/hide/").status_code == 405


def test_a_stranger_sees_nothing_of_mine(alice: User, as_bob: Client) -> None:
    make_schedule(owner=alice, name="Secret plan")
    Run.objects.create(owner=alice, operation="task-prioritize", origin=Run.Origin.MANUAL)

    page = as_bob.get("/").content.decode()

    assert "Secret plan" not in page
    assert "/runs/0" not in page
