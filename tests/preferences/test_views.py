from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from preferences import context, services
from preferences.models import ThemePreference
from preferences.services import ThemeChoice

APPEARANCE = "/settings/appearance/"
SAVE = "/settings/theme/"
HTMX = {"HX-Request": "true"}


def checked(html: str) -> dict[str, str]:
    """Return the value of each radio group that is on."""
    radios = re.findall(r'<input type="radio" name="(\w+)" value="([\w-]+)"[^>]* checked>', html)
    return dict(radios)


def test_the_settings_begin_with_the_appearance(as_alice: Client) -> None:
    response = as_alice.get("/settings/")

    assert (response.status_code, response["Location"]) == (302, APPEARANCE)


def test_every_settings_page_links_the_others(as_alice: Client) -> None:
    html = as_alice.get(APPEARANCE).content.decode()

    for address in (APPEARANCE, "/settings/operations/", "/settings/budgets/"):
        assert f'href="{address}"' in html


def test_the_appearance_shows_what_was_chosen(alice: User, as_alice: Client) -> None:
    as_alice.post(SAVE, {"theme": "dark", "accent": "rose", "is_compact": "1"})

    html = as_alice.get(APPEARANCE).content.decode()

    assert checked(html) == {
        "theme": "dark",
        "accent": "rose",
        "is_compact": "1",
        "is_sidebar_folded": "0",
    }
    assert 'data-theme="dark" data-accent="rose" data-density="compact"' in html


@pytest.mark.parametrize(
    ("posted", "changed"),
    [
        ({"theme": "light"}, {"theme": "light"}),
        ({"accent": "teal"}, {"accent": "teal"}),
        ({"accent": "own", "own": "#AABBCC"}, {"accent": "#aabbcc"}),
        ({"accent": "teal", "own": "#aabbcc"}, {"accent": "teal"}),
        ({"is_compact": "1"}, {"is_compact": True}),
        ({"is_sidebar_folded": "1"}, {"is_sidebar_folded": True}),
        ({}, {}),
    ],
)
def test_a_control_saves_its_own_choice_and_no_other(
    alice: User, as_alice: Client, posted: dict[str, str], changed: dict[str, Any]
) -> None:
    as_alice.post(SAVE, {"theme": "dark"})

    response = as_alice.post(SAVE, posted, headers=HTMX)

    assert (response.status_code, response.content) == (204, b"")
    assert services.theme_of(alice.pk) == ThemeChoice(**{"theme": "dark", **changed})


def test_what_was_on_can_be_turned_off(alice: User, as_alice: Client) -> None:
    as_alice.post(SAVE, {"is_compact": "1"})

    as_alice.post(SAVE, {"is_compact": "0"})

    assert services.theme_of(alice.pk) == ThemeChoice()


def test_without_javascript_a_save_goes_back_to_the_page_it_came_from(as_alice: Client) -> None:
    elsewhere = as_alice.post(
        SAVE, {"theme": "dark"}, headers={"referer": "http://testserver/settings/budgets/"}
    )
    unknown = as_alice.post(SAVE, {"theme": "dark"})

    assert elsewhere.status_code == unknown.status_code == 302
    assert elsewhere["Location"] == "http://testserver/settings/budgets/"
    assert unknown["Location"] == APPEARANCE


@pytest.mark.parametrize(
    ("posted", "words"),
    [
        ({"theme": "pink"}, "Choose light, dark or as the system."),
        ({"accent": "puce"}, "Choose one of the ten accents, or a colour."),
        ({"accent": "own", "own": "red"}, "Write the colour as # and six digits"),
        ({"accent": "own"}, "Choose the colour."),
        ({"is_compact": "maybe"}, "Choose comfortable or compact."),
    ],
)
def test_what_is_no_look_is_refused_in_words(
    alice: User, as_alice: Client, posted: dict[str, str], words: str
) -> None:
    page = as_alice.post(SAVE, posted)
    toast = as_alice.post(SAVE, posted, headers=HTMX)

    assert page.status_code == toast.status_code == 422
    assert words in page.content.decode()
    assert words in toast["HX-Trigger"]
    assert not ThemePreference.objects.exists()


def test_a_theme_is_not_saved_by_following_a_link(as_alice: Client) -> None:
    assert as_alice.get(SAVE).status_code == 405


def test_nobody_saves_a_theme_signed_out(client: Client, db: None) -> None:
    assert client.post(SAVE, {"theme": "dark"}).status_code == 302
    assert not ThemePreference.objects.exists()


def test_one_persons_theme_is_not_anothers(bob: User, as_alice: Client) -> None:
    as_alice.post(SAVE, {"theme": "dark"})

    assert services.theme_of(bob.pk) == ThemeChoice()


def test_the_theme_stays_when_its_owner_signs_out(as_alice: Client) -> None:
    as_alice.post(SAVE, {"theme": "dark", "accent": "own", "own": "#3b82f6"})
    as_alice.post("/sign-out/")

    html = as_alice.get("/sign-in/").content.decode()

    assert 'data-theme="dark" data-accent="own"' in html
    assert 'href="/settings/accent-3b82f6.css"' in html


def test_the_theme_follows_its_owner_to_another_browser(alice: User, as_alice: Client) -> None:
    as_alice.post(SAVE, {"theme": "dark"})
    elsewhere = Client()
    elsewhere.force_login(alice)

    response = elsewhere.get(APPEARANCE)

    assert b'data-theme="dark"' in response.content
    assert response.cookies[context.COOKIE].value == "dark.blue.0.0"


def test_the_cookie_is_for_the_server_alone(as_alice: Client) -> None:
    cookie = as_alice.post(SAVE, {"theme": "dark"}).cookies[context.COOKIE]

    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


@pytest.mark.parametrize("path", ["3b82f6", "000000", "ffffff"])
def test_a_colour_of_ones_own_is_a_stylesheet_for_everybody(client: Client, path: str) -> None:
    response = client.get(f"/settings/accent-{path}.css")

    assert response.status_code == 200
    assert response["Content-Type"] == "text/css"
    assert response["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.content.startswith(b'[data-accent="own"]{--brand:#')


@pytest.mark.parametrize("path", ["3B82F6", "3b82f", "3b82f6a", "zzzzzz", "3b82f6}*{", "%0a3b82f"])
def test_what_is_no_colour_is_not_there(client: Client, path: str) -> None:
    assert client.get(f"/settings/accent-{path}.css").status_code == 404


def test_the_appearance_asks_the_database_little(
    as_alice: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    as_alice.get(APPEARANCE)

    with django_assert_max_num_queries(5):
        as_alice.get(APPEARANCE)
