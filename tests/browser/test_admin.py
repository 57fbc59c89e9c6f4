"""The administration in our look: Django's own pages, under our policy and without barriers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from core.admin import StoredSecretAdmin
from core.models import StoredSecret
from operations.models import Budget, Run
from preferences import services as preferences
from scheduling.models import Schedule
from tests.browser.conftest import PageOf
from tests.browser.kit import assert_no_barriers, assert_no_sideways_scroll
from tests.builders import make_user, rows_of


@pytest.fixture
def root(db: None) -> User:
    return make_user("root", role=User.Role.STAFF, is_superuser=True)


@pytest.fixture
def root_page(page_of: PageOf, root: User) -> Page:
    with transaction.atomic():
        rows_of(root)
    return page_of(root)


def change(model: type[User | Budget | Run | Schedule], page: str = "change") -> Callable[[], str]:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
    return lambda: reverse(name, args=[model._default_manager.latest("pk").pk])


PAGES: dict[str, Callable[[], str]] = {
    "index": lambda: reverse("admin:index"),
    "app": lambda: reverse("admin:app_list", args=["operations"]),
    "list": lambda: reverse("admin:operations_run_changelist") + "?status__exact=pending&_facets",
    "list with actions": lambda: reverse("admin:scheduling_schedule_changelist"),
    "sorted list": lambda: reverse("admin:accounts_user_changelist") + "?o=2.-1&q=root",
    "user": change(User),
    "schedule": change(Schedule),
    "run with attempts": change(Run),
    "new user": lambda: reverse("admin:accounts_user_add"),
    "history": change(Schedule, "history"),
    "own password": lambda: reverse("admin:password_change"),
    "somebody's password": lambda: reverse(
        "admin:auth_user_password_change", args=[User.objects.latest("pk").pk]
    ),
}


@pytest.mark.parametrize("name", PAGES)
def test_its_pages_have_no_barriers(root_page: Page, name: str) -> None:
    answer = root_page.goto(PAGES[name]())

    assert answer is not None
    assert answer.status == 200
    assert_no_barriers(root_page)
    assert_no_sideways_scroll(root_page)


def test_a_confirmation_has_no_barriers(root_page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StoredSecretAdmin, "has_delete_permission", lambda *_: True)
    secret = StoredSecret.objects.latest("pk")

    root_page.goto(reverse("admin:core_storedsecret_delete", args=[secret.pk]))

    expect(root_page.get_by_role("button", name="Yes, I\u2019m sure")).to_be_visible()
    assert_no_barriers(root_page)
    assert_no_sideways_scroll(root_page)


def test_a_refused_form_and_its_message_have_no_barriers(root_page: Page) -> None:
    root_page.goto(reverse("admin:accounts_user_add"))
    root_page.get_by_role("button", name="Save", exact=True).click()
    expect(root_page.get_by_text("Please correct the errors below.")).to_be_visible()
    assert_no_barriers(root_page)

    root_page.goto(change(Budget)())
    root_page.get_by_label("Limit usd").fill("7.50")
    root_page.get_by_role("button", name="Save", exact=True).click()
    expect(root_page.locator(".messagelist .success")).to_be_visible()
    assert_no_barriers(root_page)


def test_it_looks_as_the_person_chose(root: User, page_of: PageOf) -> None:
    look = {"theme": "dark", "accent": "teal", "is_compact": True}
    preferences.save_theme(owner=root, changes=look, by=root, now=timezone.now())
    page = page_of(root)

    page.goto(reverse("admin:index"))

    shown = page.evaluate("() => ({...document.documentElement.dataset})")
    assert shown == {"theme": "dark", "accent": "teal", "density": "compact"}
    ground = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(13, 14, 17)"


def test_one_signs_out_from_it(root_page: Page) -> None:
    root_page.goto(reverse("admin:index"))

    root_page.get_by_role("button", name="Sign out").click()

    assert reverse("sign_in") in root_page.url
