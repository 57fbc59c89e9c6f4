"""Pages that keep themselves current, at a real web process: the live server knows no streams."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.builders import PASSWORD
from tests.processes import manage
from tests.web_process import Web, add_people

pytestmark = [pytest.mark.slow, pytest.mark.own_database]

KEEP_STREAMS = """
window.streams = [];
window.EventSource = class extends EventSource {
  constructor(url) { super(url); streams.push(this); }
};
"""
SHOW = """word => {
  Object.defineProperty(document, "hidden", { value: word === 'hidden', configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture(scope="module")
def web(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    var = Path(shutil.copytree(migrated, tmp_path_factory.mktemp("live") / "var"))
    add_people(var, "ada")
    web = Web(var)
    yield web
    web.process.kill()
    web.process.wait()


@pytest.fixture
def page(web: Web, new_watched: Callable[..., BrowserContext]) -> Page:
    """Open ada's runs, live."""
    context = new_watched(has_stream=True, base_url=f"http://127.0.0.1:{web.port}")
    context.add_init_script(KEEP_STREAMS)
    page = context.new_page()
    page.goto("/sign-in/?next=/runs/")
    page.get_by_label("Username").fill("ada")
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("button[type=submit]").click()
    expect(page.get_by_role("button", name="Live")).to_be_visible()
    return page


def run_something(web: Web) -> None:
    manage(web.var, "run_operation", "task-breakdown", "--user=ada", '--params={"title": "Move"}')


def count(page: Page) -> int:
    return page.locator("tr[id^=run-]").count()


def test_a_run_stands_there_without_reloading_and_the_focus_stays(web: Web, page: Page) -> None:
    run_something(web)
    expect(page.locator("tr[id^=run-]").first).to_contain_text("Success")
    before = count(page)
    link = page.locator("tr[id^=run-] a").first
    link.focus()
    focused = link.get_attribute("id")

    run_something(web)

    expect(page.locator("tr[id^=run-]")).to_have_count(before + 1)
    assert page.evaluate("() => document.activeElement.id") == focused


def test_nothing_moves_while_a_menu_is_open_in_the_part(web: Web, page: Page) -> None:
    run_something(web)
    expect(page.locator("tr[id^=run-]").first).to_contain_text("Success")
    page.wait_for_timeout(1500)  # what tests before this one have asked for arrives as well
    before = count(page)
    page.evaluate(
        """() => {
          const menu = document.createElement("div");
          menu.popover = "auto";
          menu.id = "menu-of-a-row";
          document.querySelector("#run-table").append(menu);
          menu.showPopover();
        }"""
    )

    run_something(web)
    page.wait_for_timeout(1500)
    assert count(page) == before
    page.keyboard.press("Escape")

    expect(page.locator("tr[id^=run-]")).to_have_count(before + 1)


def test_a_pause_holds_everything_until_it_is_ended(web: Web, page: Page) -> None:
    run_something(web)
    expect(page.locator("tr[id^=run-]").first).to_contain_text("Success")
    page.get_by_role("button", name="Live").click()
    before = count(page)

    run_something(web)
    page.wait_for_timeout(1200)
    assert count(page) == before
    page.reload()
    paused = page.get_by_role("button", name="Paused")
    expect(paused).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("() => streams.length") == 0
    paused.click()

    expect(page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("() => streams.length") == 1


def test_a_hidden_page_has_no_stream_and_is_current_when_it_is_shown(web: Web, page: Page) -> None:
    page.wait_for_function("() => streams.at(-1).readyState === 1")
    before = count(page)

    page.evaluate(SHOW, "hidden")
    assert page.evaluate("() => streams.at(-1).readyState") == 2
    run_something(web)
    assert count(page) == before
    page.evaluate(SHOW, "visible")

    expect(page.locator("tr[id^=run-]")).to_have_count(before + 1)
    assert page.evaluate("() => streams.length") == 2


def test_a_filter_opens_a_stream_for_what_is_shown_now(web: Web, page: Page) -> None:
    page.wait_for_function("() => streams.at(-1).readyState === 1")

    page.locator("label", has_text="Failed").first.click()
    page.wait_for_function("() => decodeURIComponent(streams.at(-1).url).includes('status=failed')")

    assert page.evaluate("() => streams.filter((each) => each.readyState < 2).length") == 1
