"""Ways through Helix that touch many of its pages: by keyboard, with a look, without JavaScript."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from operations.models import Run
from preferences import services as preferences
from preferences.models import ThemePreference
from scheduling.models import Schedule
from tests.browser.conftest import PageOf
from tests.browser.kit import focused, say, settle
from tests.browser.world import address, furnish, make_run, make_schedule
from tests.builders import PASSWORD
from tests.operations.kit import drain

TEN_MAILS = (Path(__file__).parent / "mails.txt").read_text()
MOST_TABS = 60  # keys until anything on a page has had the focus


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until what `selector` names has the focus."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"{MOST_TABS} tabs do not lead to {selector}")


def test_the_keyboard_alone_makes_a_schedule_runs_it_and_opens_the_run(
    alice: User, page: Page
) -> None:
    page.goto("/")

    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert focused(page) == "main"

    page.keyboard.press("Control+K")
    expect(page.locator("#palette-input")).to_be_focused()
    page.keyboard.type("schedules")
    expect(page.locator("#palette-0")).to_contain_text("Schedules")
    page.keyboard.press("Enter")
    page.wait_for_url("**/schedules/")

    tab_to(page, "#new-schedule")
    page.keyboard.press("Enter")
    expect(page.locator("#dialog")).to_be_visible()
    tab_to(page, "#dialog [name=name]")
    page.keyboard.type("By keys")
    tab_to(page, "#id_operation")
    page.keyboard.type("Break")  # as one types in a closed list
    expect(page.get_by_role("textbox", name="Title")).to_be_visible()
    tab_to(page, "#dialog [name$=title]")
    page.keyboard.type("Write the report")
    tab_to(page, "#dialog [name=expression]")
    page.keyboard.press("Control+A")
    page.keyboard.type("0 7 * * *")
    expect(page.locator("#cadence-preview")).to_contain_text("At 07:00")
    page.keyboard.press("Enter")
    expect(page.locator("#dialog")).to_be_hidden()
    schedule = Schedule.objects.get()
    assert (schedule.name, schedule.operation) == ("By keys", "task-breakdown")

    tab_to(page, "[role=switch]")
    switch = focused(page)
    page.keyboard.press("Space")
    expect(page.locator(".schedule")).to_contain_text("Paused")
    settle(page)
    assert focused(page) == switch
    page.keyboard.press("Space")
    expect(page.locator(".schedule")).not_to_contain_text("Paused")
    settle(page)
    expect(page.get_by_role("switch")).to_be_checked()

    tab_to(page, "[aria-label='Run “By keys” now']")
    page.keyboard.press("Enter")
    expect(page.locator(".schedule")).to_contain_text(re.compile("Pending|Queued|Running"))
    drain()
    page.keyboard.press("Control+K")
    expect(page.locator("#palette-input")).to_be_focused()
    page.keyboard.type("runs")
    expect(page.locator("#palette-0")).to_contain_text("Runs")
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/")
    tab_to(page, "#run-rows a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/*-*/")
    expect(page.locator("#outcome")).to_contain_text("Success")


def test_a_dialog_gives_the_focus_back(alice: User, page: Page) -> None:
    furnish(alice)
    page.goto("/schedules/")
    page.locator("#new-schedule").focus()

    page.keyboard.press("Enter")
    expect(page.locator("#dialog")).to_be_visible()
    page.keyboard.press("Escape")

    expect(page.locator("#dialog")).to_be_hidden()
    assert focused(page) == "new-schedule"


def test_what_comes_by_the_stream_leaves_the_focus_where_it_is(alice: User, page: Page) -> None:
    run = make_run(alice)
    page.goto("/runs/")
    link = page.locator(f"#open-{run.pk}")
    link.focus()
    table = page.locator("#run-table")
    name, html = table.get_attribute("data-live"), table.evaluate("(each) => each.outerHTML")

    say(page, str(name), html.replace("Success", "Sucess, told anew"))

    expect(table).to_contain_text("told anew")
    expect(link).to_be_focused()


@pytest.mark.parametrize(
    ("path", "control", "partial"),
    [
        ("/runs/", "[name=status][value=failed]", "#run-table"),
        ("/schedules/", "[name=state][type=radio][value=paused]", "#schedule-list"),
        ("/jobs/", "[name=state][value=failed]", "#job-table"),
        ("/audit/", "#filter-who", "#event-table"),
    ],
)
def test_a_filter_keeps_the_focus_and_goes_into_the_address(
    sam: User, page_of: PageOf, path: str, control: str, partial: str
) -> None:
    furnish(sam)
    page = page_of(sam)
    page.goto(path)
    page.locator(control).focus()

    with page.expect_response(re.compile(re.escape(path) + r"\?")):
        page.keyboard.press("ArrowDown" if control.startswith("#") else "Space")

    page.wait_for_url(re.compile(re.escape(path) + r"\?.+"))
    expect(page.locator(control)).to_be_focused()
    shown = page.locator(partial).inner_text()
    page.reload()
    assert page.locator(partial).inner_text() == shown


def test_paging_keeps_the_focus_on_the_pager(alice: User, page: Page) -> None:
    for _ in range(120):
        make_run(alice)
    page.goto("/runs/")
    page.locator("#run-table-next").focus()

    with page.expect_response(re.compile("cursor=")):
        page.keyboard.press("Enter")

    page.wait_for_url(re.compile("cursor="))
    expect(page.locator("#run-table-previous")).to_be_visible()
    expect(page.locator("#run-table-next")).to_be_focused()


def test_ten_pasted_mails_are_tried_out(alice: User, page: Page) -> None:
    page.goto("/operations/email-classify/")

    page.get_by_role("textbox", name=re.compile("paste", re.IGNORECASE)).fill(TEN_MAILS)

    expect(page.get_by_text("Understood: 10")).to_be_visible()
    expect(page.locator("#estimate")).to_contain_text("Free")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#outcome")).to_contain_text("Pending")
    assert len(Run.objects.get().parameters["emails"]) == 10
    drain()
    page.locator("#run-link").click()
    expect(page.locator("#result")).to_contain_text("label printing is down in Gothenburg")


def test_a_look_is_there_in_the_first_frame_and_after_signing_out(
    alice: User, visitor: Page
) -> None:
    visitor.goto("/sign-in/")
    visitor.get_by_label("Username").fill("alice")
    visitor.get_by_label("Password").fill(PASSWORD)
    visitor.get_by_role("button", name="Sign in").click()
    visitor.wait_for_url("**/")
    with visitor.expect_response("**/settings/theme/"):
        visitor.get_by_role("button", name="Dark theme").click()

    html = '<html lang="en" data-theme="dark"'
    response = visitor.goto("/runs/")
    assert response is not None
    assert html in response.text()  # as sent: nothing has to be mended by a script
    with visitor.expect_response("**/sign-in/") as signed_out:
        visitor.get_by_role("button", name="Sign out").click()

    assert html in signed_out.value.text()
    expect(visitor.locator("html")).to_have_attribute("data-theme", "dark")


def test_runs_are_filtered_and_paged_without_javascript(
    alice: User, page_without_javascript: Page
) -> None:
    page = page_without_javascript
    for _ in range(60):
        make_run(alice)
    failed = make_run(alice, status=Run.Status.FAILED)
    page.goto("/runs/")

    page.get_by_role("link", name="Next").click()
    expect(page.locator("#run-rows tbody tr")).to_have_count(11)

    page.locator("[name=status][value=failed]").check(force=True)
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#run-rows tbody tr")).to_have_count(1)
    page.locator(f"#open-{failed.pk}").click()
    expect(page.locator("#outcome")).to_contain_text("Failed")


def test_the_look_is_changed_from_the_top_bar_without_javascript(
    alice: User, page_without_javascript: Page
) -> None:
    page = page_without_javascript
    page.goto("/runs/")

    page.get_by_role("button", name="Dark theme").click()

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.url.endswith("/runs/")
    assert preferences.theme_of(alice.pk).theme == ThemePreference.Theme.DARK


def test_staff_start_a_job_and_look_at_one(sam: User, page_of: PageOf) -> None:
    page = page_of(sam)
    page.goto("/jobs/")

    page.get_by_role("button", name="Run now: Clean up").click()

    expect(page.locator("#toasts")).to_contain_text("Queued “jobs.clean_up”.")
    expect(page.get_by_role("button", name="Run now: Clean up")).to_be_disabled()
    opener = page.locator("#job-rows a")
    opener.click()
    expect(page.locator("#dialog")).to_contain_text("Attempts")
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()


def test_an_entry_of_the_log_opens_before_and_after(alice: User, page: Page) -> None:
    schedule = make_schedule(alice, "Nightly")
    page.goto(address("list_audit_events"))

    page.get_by_text("Created schedule “Nightly”.").click()

    expect(page.get_by_role("cell", name="Europe/Berlin")).to_be_visible()
    page.get_by_role("link", name="Nightly", exact=True).click()
    page.wait_for_url(f"**{address('show_schedule', schedule)}")
