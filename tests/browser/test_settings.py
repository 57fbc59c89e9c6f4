"""The settings in a browser: what applies at once, what is saved as a whole, what readers meet."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from operations import services
from preferences import accents
from preferences.models import ThemePreference
from preferences.services import ThemeChoice, theme_of
from tests.browser.kit import (
    SCHEMES,
    assert_no_barriers,
    assert_no_sideways_scroll,
    barriers,
    focused,
    show_in,
)

APPEARANCE = "/settings/appearance/"
OPERATIONS = "/settings/operations/"
BUDGETS = "/settings/budgets/"
ACCENTS = [*ThemePreference.Accent.values]


def attribute(page: Page, name: str) -> str:
    return str(page.evaluate("(name) => document.documentElement.dataset[name]", name))


@pytest.mark.parametrize(
    "address", [APPEARANCE, OPERATIONS, BUDGETS, f"{OPERATIONS}email-compose/"]
)
def test_the_settings_have_no_barriers(alice: User, page: Page, address: str) -> None:
    services.set_budget(owner=alice, limit_usd=Decimal(0), by=alice)
    changes = {"email-compose": {"model": "local:rules-1", "enabled": False}}
    services.save_preferences(owner=alice, changes=changes, by=alice)

    page.goto(address)

    assert_no_barriers(page)
    assert_no_sideways_scroll(page)


def test_a_look_applies_at_once_and_stays(alice: User, page: Page) -> None:
    page.goto(APPEARANCE)

    for label in ("Dark", "Teal", "Compact", "Folded, icons only"):
        with page.expect_response("**/settings/theme/") as saved:
            page.get_by_label(label, exact=True).check(force=True)
        assert saved.value.status == 204

    shown = [attribute(page, each) for each in ("theme", "accent", "density", "sidebar")]
    assert shown == ["dark", "teal", "compact", "folded"]
    page.reload()
    assert shown == [attribute(page, each) for each in ("theme", "accent", "density", "sidebar")]
    assert theme_of(alice.pk) == ThemeChoice(
        "dark", "teal", is_compact=True, is_sidebar_folded=True
    )


def test_the_look_can_be_chosen_by_keys(page: Page) -> None:
    page.goto(APPEARANCE)
    page.locator("#theme-auto").focus()

    with page.expect_response("**/settings/theme/"):
        page.keyboard.press("ArrowLeft")

    assert attribute(page, "theme") == "dark"
    assert focused(page) == "theme-dark"


def test_a_colour_of_ones_own_is_mended_and_used(alice: User, page: Page) -> None:
    page.goto(APPEARANCE)

    with page.expect_response("**/settings/theme/"):
        page.locator("#own-colour").fill("#ffee00")

    expect(page.locator("#accent-own")).to_be_checked()
    expect(page.locator("html")).to_have_attribute("data-accent", "own")
    brand = accents.readable("#ffee00").brand
    page.wait_for_function(
        "() => getComputedStyle(document.documentElement).getPropertyValue('--brand').trim()"
        f" === '{brand}'"
    )
    assert theme_of(alice.pk).accent == "#ffee00"
    assert barriers(page) == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_accent_can_be_read(page: Page, scheme: Literal["light", "dark"]) -> None:
    page.goto(OPERATIONS)
    show_in(page, scheme)

    found = {}
    for accent in ACCENTS:
        page.evaluate("(accent) => { document.documentElement.dataset.accent = accent }", accent)
        page.wait_for_function("() => document.getAnimations().every((each) => !each.pending)")
        show_in(page, scheme)
        found[accent] = barriers(page)

    assert not any(found.values()), found


def test_the_look_is_chosen_without_javascript(alice: User, page_without_javascript: Page) -> None:
    page = page_without_javascript
    page.goto(APPEARANCE)

    page.locator("#theme-dark").check(force=True)
    page.get_by_role("button", name="Save theme").click()

    assert page.url.endswith(APPEARANCE)
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert theme_of(alice.pk).theme == "dark"


def test_a_bad_limit_in_the_table_is_told_and_saves_nothing(page: Page) -> None:
    page.goto(OPERATIONS)
    page.get_by_label("Enable Compose an e-mail").uncheck()
    page.get_by_label("Monthly limit of Break a task down in USD").fill("12,50")

    page.get_by_role("button", name="Save changes").click()

    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved")
    expect(page.locator("#id_task-breakdown-monthly_budget_usd_error")).to_contain_text("a point")
    assert barriers(page) == []
    page.get_by_label("Monthly limit of Break a task down in USD").fill("12.50")
    page.get_by_role("button", name="Save changes").click()
    expect(page.locator(".toast")).to_contain_text("Saved 2 operations.")
    expect(page.get_by_label("Enable Compose an e-mail")).not_to_be_checked()
    assert focused(page) == "save-operations"


def test_changes_that_are_not_saved_are_not_left_by_mistake(page: Page) -> None:
    page.goto(OPERATIONS)
    asks = "() => !dispatchEvent(new Event('beforeunload', {cancelable: true}))"
    assert not page.evaluate(asks)

    page.get_by_label("Monthly limit of Break a task down in USD").fill("1")
    assert page.evaluate(asks)

    page.get_by_role("button", name="Save changes").click()
    expect(page.locator(".toast")).to_contain_text("Saved Break a task down.")
    assert not page.evaluate(asks)


def test_default_parameters_are_set_in_a_dialog(page: Page) -> None:
    page.goto(OPERATIONS)
    page.get_by_role("link", name="default parameters of Compose an e-mail").click()
    dialog = page.get_by_role("dialog", name="Compose an e-mail")
    expect(dialog).to_be_visible()
    assert barriers(page) == []

    dialog.get_by_label("Tone").select_option("friendly")
    dialog.get_by_role("button", name="Save parameters").click()

    expect(dialog).to_be_hidden()
    link = page.get_by_role("link", name="default parameters of Compose an e-mail")
    expect(link).to_have_text("1 set")
    assert focused(page) == "parameters-email-compose"


def test_a_limit_is_set_and_lifted_in_its_row(alice: User, page: Page) -> None:
    page.goto(BUDGETS)
    row = page.locator("#budget-email-compose")
    row.get_by_label("Monthly limit of Compose an e-mail in USD").fill("NaN")
    row.get_by_role("button", name="Set").click()
    expect(row).to_contain_text("Write an amount in USD, such as 12.50.")

    row.get_by_label("Monthly limit of Compose an e-mail in USD").fill("7.5")
    row.get_by_role("button", name="Set").click()

    expect(row).to_contain_text("Free $7.50", use_inner_text=True)
    assert focused(page) == "set-email-compose"
    row.get_by_role("button", name="Remove").click()
    expect(row.get_by_role("button", name="Remove")).to_have_count(0)
