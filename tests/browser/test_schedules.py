"""Schedules in the browser: made, previewed, switched, run and deleted, also without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from accounts.models import User
from operations.models import Run
from scheduling.models import Schedule
from tests.browser.conftest import PageOf
from tests.browser.kit import (
    assert_no_barriers,
    assert_no_sideways_scroll,
    focused,
)
from tests.browser.world import World, address, furnish
from tests.scheduling.test_views.kit import HOSTILE

LIST = "/schedules/"


@pytest.fixture
def world(alice: User) -> World:
    return furnish(alice)


def row(page: Page, schedule: Schedule) -> Locator:
    return page.locator(f"#schedule-{schedule.pk}")


def opened(page: Page) -> Locator:
    dialog = page.locator("#dialog")
    expect(dialog).to_be_visible()
    return dialog


# --- no barriers ----------------------------------------------------------------------------------


def test_the_dialogs_have_no_barriers(world: World, page: Page) -> None:
    for schedule, name in ((world.nightly, "Edit"), (world.by_hand, "Edit")):
        page.goto(address("show_schedule", schedule))
        page.get_by_role("link", name=name, exact=True).click()
        opened(page)
        assert_no_barriers(page)
        page.keyboard.press("Escape")


def test_a_refused_form_has_no_barriers(world: World, page: Page) -> None:
    page.goto(LIST)
    page.get_by_role("link", name="New schedule").click()
    opened(page).get_by_label("Time zone").fill("Mars/Olympus")
    page.get_by_text("Not yet: the expression is refused.").wait_for()

    assert_no_barriers(page)
    assert_no_sideways_scroll(page)


def test_hostile_words_do_nothing_but_stand_there(alice: User, world: World, page: Page) -> None:
    Schedule.objects.filter(pk=world.paused.pk).update(name=HOSTILE * 2, pause_reason=HOSTILE)

    page.goto(LIST)
    expect(page.get_by_text(HOSTILE * 2, exact=True)).to_be_visible()
    assert_no_sideways_scroll(page)
    page.goto(address("show_schedule", world.paused))
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE * 2)
    assert_no_sideways_scroll(page)


# --- many at once ---------------------------------------------------------------------------------


def test_many_are_paused_together(world: World, page: Page) -> None:
    page.goto(LIST)
    bar = page.locator("#bulk")
    expect(bar).to_be_hidden()
    for schedule in (world.nightly, world.by_hand, world.paused):
        row(page, schedule).get_by_role("checkbox", name="Select").check()
    expect(bar).to_be_visible()
    shown = "e => getComputedStyle(e, '::before').content"
    assert "ticked" in page.locator(".bulk__count").evaluate(shown)
    assert_no_barriers(page)
    assert_no_sideways_scroll(page)

    bar.get_by_role("button", name="Pause").click()
    dialog = opened(page)
    expect(dialog).to_contain_text("Pause 2 schedules?")
    expect(dialog).to_contain_text("1 of those you chose is paused already")
    assert_no_barriers(page)
    page.keyboard.press("Enter")  # the reason has the focus, and is empty
    page.keyboard.type("Holiday.")
    page.keyboard.press("Enter")

    expect(page.locator("#toasts")).to_contain_text("Paused 2 schedules.")
    expect(row(page, world.by_hand)).to_contain_text("Holiday.")
    expect(bar).to_be_hidden()


def test_many_are_deleted_without_scripts(alice: User, world: World, page_of: PageOf) -> None:
    page = page_of(alice, java_script_enabled=False)
    page.goto(f"{LIST}?q=e")
    row(page, world.nightly).get_by_role("checkbox", name="Select").check()
    row(page, world.unused).get_by_role("checkbox", name="Select").check()
    page.locator("#bulk-delete").click()

    expect(page.locator("#dialog-title")).to_have_text("Delete 2 schedules?")
    page.get_by_label("Type how many to confirm").fill("2")
    page.get_by_role("button", name="Delete 2 schedules").click()

    expect(page).to_have_url(re.compile(r"/schedules/\?q=e$"))
    expect(page.get_by_text("Deleted 2 schedules.")).to_be_visible()
    assert list(Schedule.objects.current().filter(pk=world.nightly.pk)) == []


def test_what_refuses_is_told_without_barriers(world: World, page: Page) -> None:
    Schedule.objects.filter(pk=world.paused.pk).update(parameters={}, name=HOSTILE)
    page.goto(LIST)
    row(page, world.paused).get_by_role("checkbox", name="Select").check()
    page.locator("#bulk-resume").click()
    dialog = opened(page)
    dialog.get_by_role("button", name="Resume 1 schedule").click()

    expect(dialog).to_contain_text("Resumed 0, 1 refused")
    expect(dialog).to_contain_text(HOSTILE)
    assert_no_barriers(page)
    dialog.get_by_role("link", name="Back to the list").click()
    expect(page.locator("#schedule-list")).to_be_visible()


# --- making one -----------------------------------------------------------------------------------


def test_a_schedule_is_made_with_its_preview(world: World, page: Page) -> None:
    page.goto(LIST)
    page.get_by_role("link", name="New schedule").click()
    dialog = opened(page)
    dialog.get_by_label("Name").fill("Lunch plan")
    cron = page.get_by_label("Cron expression")
    save = page.get_by_role("button", name="Create schedule")

    cron.fill("99 * * * *")
    expect(save).to_be_disabled()
    expect(dialog.locator(".cadence__words")).to_contain_text("minute: “99” is out of range")
    cron.fill("30 12 * * *")
    expect(dialog.locator(".cadence__words")).to_have_text("At 12:30, every day")
    expect(save).to_be_enabled()
    assert focused(page) == "id_expression"

    dialog.get_by_label("Operation").select_option("task-breakdown")
    dialog.get_by_label("Title").fill("Cook")
    expect(dialog.get_by_text("Free: answered by rules")).to_be_visible()
    save.click()

    expect(page.get_by_text("Created “Lunch plan”.")).to_be_visible()
    expect(page.get_by_role("link", name="Lunch plan", exact=True)).to_be_visible()
    assert Schedule.objects.get(name="Lunch plan").parameters["title"] == "Cook"


def test_what_is_wrong_keeps_the_dialog_and_gets_the_focus(world: World, page: Page) -> None:
    page.goto(LIST)
    page.get_by_role("link", name="New schedule").click()
    opened(page).get_by_label("Operation").select_option("task-breakdown")
    page.get_by_label("Title").wait_for()

    page.get_by_label("Priority").fill("0")
    page.get_by_role("button", name="Create schedule").click()

    expect(page.locator("#id_priority_error")).to_be_visible()
    expect(page.locator("#dialog")).to_be_visible()
    assert focused(page) == "id_priority"


def test_by_hand_has_no_cron_field(world: World, page: Page) -> None:
    page.goto(LIST)
    page.get_by_role("link", name="New schedule").click()
    dialog = opened(page)

    dialog.locator("label", has_text="By hand").click()

    expect(page.get_by_label("Cron expression")).to_be_hidden()
    expect(dialog.locator(".cadence__words")).to_have_text("Runs when you press Run")


# --- the list's rows ------------------------------------------------------------------------------


def test_the_switch_keeps_the_focus_and_the_counts(world: World, page: Page) -> None:
    page.goto(LIST)
    switch = page.get_by_role("switch", name="Enable “Nightly triage”")

    switch.focus()
    page.keyboard.press("Space")

    expect(row(page, world.nightly)).to_contain_text("Paused by alice.")
    expect(page.locator("#schedule-facts")).to_contain_text("2 active, 2 paused.")
    expect(page.locator("#count-paused")).to_have_text("2")
    assert focused(page) == f"schedule-{world.nightly.pk}-switch"

    page.keyboard.press("Space")

    expect(row(page, world.nightly)).not_to_contain_text("Paused by")
    expect(switch).to_be_checked()


def test_run_now_twice_says_what_became_of_each(world: World, page: Page) -> None:
    page.goto(LIST)
    run = page.get_by_role("button", name="Run “Never used” now")

    run.click()
    expect(page.get_by_role("link", name="Open the run")).to_be_visible()
    expect(row(page, world.unused)).to_contain_text("Running")
    run.click()

    expect(page.get_by_text("Started no second run")).to_be_visible()
    assert Run.objects.filter(execution__schedule=world.unused).count() == 1


def test_an_edit_swaps_the_row(world: World, page: Page) -> None:
    page.goto(LIST)
    page.get_by_role("link", name="Edit “Nightly triage”").click()
    opened(page).get_by_label("Name").fill("Morning triage")
    page.get_by_label("Cron expression").fill("15 7 * * *")
    page.get_by_role("button", name="Save changes").click()

    expect(page.locator("#dialog")).to_be_hidden()
    expect(row(page, world.nightly)).to_contain_text("Morning triage")
    expect(row(page, world.nightly)).to_contain_text("At 07:15, every day")
    assert focused(page) == f"schedule-{world.nightly.pk}-edit"


def test_deleting_what_has_history_takes_its_name(world: World, page: Page) -> None:
    page.goto(LIST)
    page.get_by_role("button", name="Actions of “Nightly triage”").click()
    page.get_by_role("link", name="Delete").click()
    dialog = opened(page)

    dialog.get_by_label("Type its name to confirm").fill("Nightly")
    dialog.get_by_role("button", name="Delete schedule").click()
    expect(dialog.get_by_text("That is not its name")).to_be_visible()
    dialog.get_by_label("Type its name to confirm").fill("Nightly triage")
    dialog.get_by_role("button", name="Delete schedule").click()

    expect(page.get_by_text("Deleted “Nightly triage”.")).to_be_visible()
    expect(row(page, world.nightly)).to_have_count(0)


def test_filters_stand_in_the_address(world: World, page: Page) -> None:
    page.goto(LIST)
    page.get_by_label("Filter by name").fill("never")
    expect(row(page, world.nightly)).to_have_count(0)
    expect(page).to_have_url(re.compile("q=never"))
    assert focused(page) == "search-q"

    page.locator("#schedule-filter label", has_text="Paused").click()
    expect(page.get_by_text("No schedule fits")).to_be_visible()

    page.reload()
    expect(page.get_by_text("No schedule fits")).to_be_visible()
    page.go_back()


# --- without JavaScript ---------------------------------------------------------------------------


def test_all_of_it_works_without_javascript(world: World, page_without_javascript: Page) -> None:
    page = page_without_javascript
    page.goto(LIST)
    page.get_by_role("searchbox").fill("nightly")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("link", name="Never used")).to_have_count(0)

    page.get_by_role("switch").uncheck()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page).to_have_url(re.compile("q=nightly"))
    expect(page.get_by_text("Paused by alice.")).to_be_visible()

    page.get_by_role("link", name="Edit “Nightly triage”").click()
    page.get_by_label("Cron expression").fill("x")
    page.get_by_role("button", name="Save changes").click()
    expect(page.locator("#id_expression_error")).to_be_visible()
    page.get_by_label("Cron expression").fill("5 5 * * *")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("At 05:05, every day").first).to_be_visible()

    page.get_by_label("Paused because").fill("Waiting for the key.")
    page.get_by_role("button", name="Save reason").click()
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_role("link", name="Open the run")).to_be_visible()

    page.goto("/schedules/new/")
    page.get_by_label("Operation").select_option("task-breakdown")
    page.get_by_role("button", name="Create schedule").click()
    page.get_by_label("Title").fill("Cook")
    page.get_by_role("button", name="Create schedule").click()
    expect(page.get_by_text("Created “Break a task down, 0 9 * * MON-FRI”.")).to_be_visible()
