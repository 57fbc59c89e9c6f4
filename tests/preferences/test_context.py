from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError
from django.http import HttpResponse
from django.template import RequestContext, Template
from django.test import RequestFactory
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from preferences import context, services
from preferences.models import ThemePreference
from preferences.services import ThemeChoice

NOW = datetime(2026, 11, 22, 2, tzinfo=UTC)
CHOICE = ThemeChoice("dark", "#3b82f6", is_compact=True, is_sidebar_folded=True)


def look_for(user: Any = None, cookie: str = "") -> context.Look:
    request = RequestFactory().get("/")
    request.user = user or AnonymousUser()
    request.COOKIES[context.COOKIE] = cookie
    return context.look_of(request)


def written(choice: ThemeChoice) -> str:
    return context.remember(HttpResponse(), choice).cookies[context.COOKIE].value


def save(owner: User, **changes: Any) -> None:
    services.save_theme(owner=owner, changes=changes, by=owner, now=NOW)


def test_who_chose_nothing_follows_the_system(alice: User) -> None:
    assert look_for(alice) == context.Look("auto", "blue", "", "", "", "UTC")


def test_a_person_gets_what_they_chose(alice: User) -> None:
    save(alice, theme="dark", accent="#3B82F6", is_compact=True, is_sidebar_folded=True)

    look = look_for(alice)

    assert look == context.Look(
        "dark", "own", "/settings/accent-3b82f6.css", "compact", "folded", "UTC"
    )


def test_nobody_gets_what_another_chose(alice: User, bob: User) -> None:
    save(alice, theme="dark")

    assert look_for(bob).theme == "auto"


@pytest.mark.parametrize("choice", [CHOICE, ThemeChoice(), ThemeChoice("light", "rose")])
def test_signed_out_the_browser_keeps_the_look(choice: ThemeChoice) -> None:
    look = look_for(cookie=written(choice))

    assert (look.theme, bool(look.density), bool(look.sidebar)) == (
        choice.theme,
        choice.is_compact,
        choice.is_sidebar_folded,
    )
    assert look.accent == ("own" if choice.accent.startswith("#") else choice.accent)


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "dark",
        "pink.blue.0.0",
        "dark.puce.0.0",
        "dark.3b82f.0.0",
        "dark.3b82fg.0.0",
        'dark."><script>.0.0',
        "dark.blue.2.0",
        "dark.blue.0.0.0",
        "dark.blue.0.yes",
    ],
)
def test_a_cookie_that_was_altered_is_no_look(cookie: str) -> None:
    assert look_for(cookie=cookie) == context.Look("auto", "blue", "", "", "", "UTC")


def test_the_choice_of_a_person_stands_above_the_cookie(alice: User) -> None:
    save(alice, theme="light")

    assert look_for(alice, written(CHOICE)).theme == "light"


def test_a_value_in_the_row_that_is_no_colour_draws_nothing(alice: User) -> None:
    ThemePreference.objects.create(owner=alice, accent="red", updated_at=NOW)

    assert look_for(alice).accent == "blue"


def test_a_page_that_does_not_ask_for_the_look_costs_no_query(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    request = RequestFactory().get("/")
    request.user = alice

    with django_assert_num_queries(0):
        Template("plain").render(RequestContext(request))
    with django_assert_num_queries(1):
        html = Template("{{ look.theme }} {{ look.accent }} {{ look.zone }}").render(
            RequestContext(request)
        )
    assert html == "auto blue UTC"


def test_the_theme_is_read_once_and_again_when_saved(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    look_for(alice)
    with django_assert_num_queries(0):
        look_for(alice)

    save(alice, theme="dark")

    assert look_for(alice).theme == "dark"


def test_what_another_process_saved_is_seen_by_the_browser_that_asked_for_it(alice: User) -> None:
    look_for(alice)
    ThemePreference.objects.create(owner=alice, theme="dark", updated_at=NOW)
    assert look_for(alice).theme == "auto"  # remembered

    look = look_for(alice, written(ThemeChoice("dark")))

    assert look.theme == "dark"


def test_without_a_database_the_browser_keeps_the_look(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(services, "_read_theme", fail)

    assert look_for(alice, written(CHOICE)).theme == "dark"
    assert look_for(alice) == context.Look("auto", "blue", "", "", "", "UTC")
