"""A webhook in the browser: made with its secret, tested, rotated, without barriers."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from scheduling import services
from scheduling.models import Schedule, WebhookEvent
from tests.browser.kit import assert_no_barriers, assert_no_sideways_scroll, focused
from tests.browser.world import BREAKDOWN, address
from tests.scheduling.test_views.kit import HOSTILE

SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")


@pytest.fixture
def webhook(alice: User) -> Schedule:
    return services.create_schedule(
        owner=alice,
        by=alice,
        operation="task-breakdown",
        type="webhook",
        dialect="standard",
        parameters=BREAKDOWN,
        name="Deploys",
    )


def test_the_secret_is_shown_once_and_copied(alice: User, page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/schedules/")
    page.locator("#new-schedule").click()
    dialog = page.locator("#dialog")
    dialog.get_by_label("Name").fill("Deploys")
    dialog.get_by_label("Operation").select_option("task-breakdown")
    dialog.locator("label", has_text="Webhook").first.click()
    expect(dialog.locator(".cadence__words")).to_have_text("Runs when its address is called")
    expect(page.get_by_label("Cron expression")).to_be_hidden()
    dialog.get_by_role("radio", name="Standard Webhooks").check()
    assert_no_barriers(page)

    page.get_by_role("button", name="Create schedule").click()

    shown = page.locator("#webhook-secret")
    expect(shown).to_have_text(SECRET)
    assert focused(page) == "copy-secret"
    assert_no_barriers(page)
    page.keyboard.press("Enter")
    expect(page.locator("#copy-secret")).to_have_text("Copied")
    secret = shown.inner_text()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    assert secret not in page.evaluate(
        "JSON.stringify([localStorage, sessionStorage, history.state])"
    )

    page.get_by_role("link", name="Done, I have copied it").click()
    expect(page.locator("#webhook-address")).to_contain_text("/webhooks/schedules/")
    assert secret not in page.content()
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Schedules")
    assert secret not in page.content()


def test_the_page_and_its_dialogs_have_no_barriers(webhook: Schedule, page: Page) -> None:
    event = services.send_test(webhook, by=None)
    WebhookEvent.objects.update(payload=f'{{"said": "{HOSTILE * 20}"}}')
    services.rotate_webhook_secret(webhook, by=None)
    page.goto(address("show_webhook", webhook))
    assert_no_barriers(page)
    assert_no_sideways_scroll(page)

    page.locator(f"#event-{event.pk}").click()
    expect(page.locator("#payload")).to_contain_text(HOSTILE)
    assert_no_barriers(page)
    page.locator("#replay-event").click()
    expect(page.get_by_role("heading", name="Replay this event?")).to_be_visible()
    assert_no_barriers(page)
    page.keyboard.press("Escape")
    for link in ("rotate-secret", "revoke-old"):
        page.locator(f"#{link}").click()
        expect(page.locator("#dialog")).to_be_visible()
        assert_no_barriers(page)
        page.keyboard.press("Escape")
        expect(page.locator("#dialog")).to_be_hidden()


def test_a_test_tells_its_result_and_keeps_the_focus(webhook: Schedule, page: Page) -> None:
    page.goto(address("show_webhook", webhook))

    page.locator("#send-test").press("Enter")

    expect(page.locator("#webhook-told")).to_contain_text("Test accepted.")
    expect(page.locator("#event-log tbody tr")).to_have_count(1)
    assert focused(page) == "send-test"


def test_a_rotation_shows_the_new_secret(webhook: Schedule, page: Page) -> None:
    assert webhook.new_secret is not None
    page.goto(address("show_webhook", webhook))

    page.locator("#rotate-secret").click()
    page.get_by_role("radio", name="Is revoked now").check()
    page.get_by_role("button", name="Rotate secret").click()

    expect(page.locator("#webhook-secret")).to_have_text(SECRET)
    expect(page.locator("#webhook-secret")).not_to_have_text(webhook.new_secret.reveal())
    page.get_by_role("link", name="Done, I have copied it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Deploys")
    expect(page.locator("#revoke-old")).to_have_count(0)
