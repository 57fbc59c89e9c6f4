"""What every page shares, where a real browser is needed: dialogs, and being signed out."""

from __future__ import annotations

from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from tests.browser.kit import Troubles


def open_new_schedule(page: Page) -> None:
    page.goto("/schedules/")
    page.get_by_role("link", name="New schedule").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_a_dialog_closes_by_escape_and_by_its_cross(page: Page) -> None:
    open_new_schedule(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()

    open_new_schedule(page)
    page.get_by_role("button", name="Close").click()

    expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_dialog_does_not_drop_what_was_typed(page: Page) -> None:
    open_new_schedule(page)
    page.get_by_role("textbox", name="Name").fill("Nightly")

    page.mouse.click(5, 5)
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_role("textbox", name="Name")).to_have_value("Nightly")
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_part_asked_for_signed_out_leads_to_the_sign_in_and_back(
    page: Page, troubles: Troubles
) -> None:
    troubles.expect(401)
    page.goto("/runs/?status=failed")
    Session.objects.all().delete()

    page.get_by_role("searchbox").fill("0193")

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.url.endswith("/sign-in/?next=%2Fruns%2F%3Fstatus%3Dfailed")
