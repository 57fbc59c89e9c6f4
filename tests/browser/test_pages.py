"""Every page and every dialog, as it stands: no barriers, no sideways scroll, no complaints.

Runs in each state and with each kind of result are in `test_runs.py`; the settings and the
administration have files of their own.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from tests.browser.conftest import PageOf
from tests.browser.kit import (
    WIDTHS,
    Troubles,
    assert_no_barriers,
    assert_no_sideways_scroll,
)
from tests.browser.world import World, address, furnish

Visit = Callable[[World], str]

PAGES: dict[str, Visit] = {
    "overview": lambda world: address("show_overview"),
    "schedules": lambda world: address("list_schedules"),
    "schedules, none fits": lambda world: address("list_schedules") + "?q=nothing",
    "schedule": lambda world: address("show_schedule", world.nightly),
    "schedule, paused": lambda world: address("show_schedule", world.paused),
    "new schedule": lambda world: address("create_schedule"),
    "edit schedule": lambda world: address("edit_schedule", world.nightly),
    "delete schedule": lambda world: address("delete_schedule", world.nightly),
    "pause many": lambda world: address("change_schedules") + "?do=pause&all=1",
    "delete many": lambda world: address("change_schedules") + "?do=delete&all=1",
    "schedule, filtered": lambda world: (
        address("show_schedule", world.nightly) + "?status=skipped&from=nonsense"
    ),
    "preview": lambda world: address("preview_cadence") + "?expression=30+2+*+*+*",
    "runs": lambda world: address("list_runs"),
    "runs, none fits": lambda world: address("list_runs") + "?q=nothing",
    "cancel run": lambda world: address("cancel_run", world.runs["pending"]),
    "operations": lambda world: address("list_operations"),
    "try with mails": lambda world: "/operations/email-classify/?example=1",
    "try with meetings": lambda world: "/operations/calendar-time/?example=1",
    "jobs": lambda world: address("list_jobs"),
    "job": lambda world: address("show_job", world.job),
    "audit": lambda world: address("list_audit_events"),
    "palette": lambda world: address("open_palette") + "?q=night",
}

# Where a dialog opens from, what is clicked there, and what then is open.
DIALOGS: dict[str, tuple[Visit, str, str]] = {
    "new schedule": (PAGES["schedules"], "#new-schedule", "#dialog"),
    "menu": (PAGES["schedules"], "main [popovertarget] >> nth=0", ".menu:popover-open"),
    "job": (PAGES["jobs"], "#job-rows a >> nth=0", "#dialog"),
    "palette": (PAGES["overview"], "[data-palette]", "#palette"),
}


@pytest.fixture
def sam_page(page_of: PageOf, sam: User) -> Page:
    return page_of(sam)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_barriers(sam: User, sam_page: Page, name: str) -> None:
    sam_page.goto(PAGES[name](furnish(sam)))

    assert_no_barriers(sam_page)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_never_scrolls_sideways(sam: User, sam_page: Page, name: str) -> None:
    sam_page.goto(PAGES[name](furnish(sam)))

    assert_no_sideways_scroll(sam_page)


@pytest.mark.parametrize("name", DIALOGS)
def test_a_dialog_has_no_barriers(sam: User, sam_page: Page, name: str) -> None:
    visit, opener, opened = DIALOGS[name]
    sam_page.goto(visit(furnish(sam)))

    sam_page.locator(opener).click()

    expect(sam_page.locator(opened)).to_be_visible()
    assert_no_barriers(sam_page)
    assert_no_sideways_scroll(sam_page, widths=(WIDTHS[0], WIDTHS[-1]))


@pytest.mark.parametrize("name", ["overview", "schedules", "runs", "jobs", "audit"])
def test_a_page_of_somebody_new_has_no_barriers(sam_page: Page, name: str) -> None:
    addresses = {"overview": "show_overview", "audit": "list_audit_events"}

    sam_page.goto(address(addresses.get(name, f"list_{name}")))

    assert_no_barriers(sam_page)


@pytest.mark.parametrize("path", ["/sign-in/", "/sign-in/?next=/runs/"])
def test_signing_in_has_no_barriers(db: None, visitor: Page, path: str) -> None:
    visitor.goto(path)

    assert_no_barriers(visitor)
    assert_no_sideways_scroll(visitor)


def test_a_page_that_is_not_there_has_no_barriers(page: Page, troubles: Troubles) -> None:
    troubles.expect(404)

    page.goto("/nothing/")

    assert_no_barriers(page)
    assert_no_sideways_scroll(page)


def test_the_drawer_of_a_phone_has_no_barriers(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto("/")

    page.get_by_role("button", name="Menu").click()

    expect(page.locator("#sidebar")).to_be_visible()
    assert_no_barriers(page, widths=(360,))
