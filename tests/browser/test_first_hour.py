"""What somebody new does first, with the processes and the files that a real installation has."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.processes import WAIT, manage, start, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.own_database]

TEN_MAILS = (Path(__file__).parent / "mails.txt").read_text()
SOON = timedelta(seconds=2)
LONG_MS = 20_000  # two busy cores
EVERY_MINUTE = "* * * * *"


class Helix:
    """A web process and a worker on a database file of their own."""

    def __init__(self, var: Path) -> None:
        self.var = var
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{free.getsockname()[1]}"
        told = manage(var, "users", "create", "ida", "--zone", "Europe/Stockholm", "--json")
        self.password = json.loads(told)["password"]
        self.main = start(var, "run", "--port", self.host.rpartition(":")[2])
        wait_for(self.is_ready, "an answer of 200 from /readyz")

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.host}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError):
            return False

    def bring_forward(self, schedule: str) -> None:
        """Let a schedule fire in a moment: a test need not wait for the minute to be full."""
        at = datetime.now(UTC) + SOON
        with sqlite3.connect(self.var / "helix.sqlite3", timeout=WAIT) as database:
            changed = database.execute(
                "UPDATE operation_schedules SET next_execution_at = ?, counted_from = ?"
                " WHERE name = ?",
                [f"{at:%Y-%m-%d %H:%M:%S.%f}", f"{at - SOON:%Y-%m-%d %H:%M:%S.%f}", schedule],
            )
            assert changed.rowcount == 1
        database.close()

    def stop(self) -> None:
        family = [self.main, *self.main.children(recursive=True)]
        os.killpg(self.main.pid, signal.SIGINT)
        self.main.wait(WAIT)
        for process in family:
            if process.is_running():
                process.kill()


@pytest.fixture
def helix(migrated: Path, tmp_path: Path) -> Iterator[Helix]:
    helix = Helix(shutil.copytree(migrated, tmp_path / "var"))
    yield helix
    helix.stop()


@pytest.fixture
def page(helix: Helix, new_watched: Callable[..., BrowserContext]) -> Page:
    context = new_watched(base_url=f"http://{helix.host}", has_stream=True)
    context.set_default_timeout(LONG_MS)
    return context.new_page()


def test_ten_mails_are_sorted_and_a_schedule_is_seen_to_fire(helix: Helix, page: Page) -> None:
    page.goto("/")
    page.get_by_label("Username").fill("ida")
    page.get_by_label("Password").fill(helix.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("/")

    # Ten mails, pasted as they come out of a mail program.
    page.get_by_role("link", name="Operations", exact=True).click()
    page.get_by_role("link", name=re.compile("Classify")).first.click()
    page.get_by_role("textbox", name=re.compile("[Pp]aste")).fill(TEN_MAILS)
    expect(page.get_by_text("Understood: 10")).to_be_visible(timeout=LONG_MS)
    expect(page.locator("#estimate")).to_contain_text("Free")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#result")).to_be_visible(timeout=LONG_MS)
    expect(page.locator("#result")).to_contain_text("label printing is down in Gothenburg")
    run = str(page.locator("#run-link").get_attribute("href"))

    # A schedule, that is then watched as it fires: nothing is reloaded.
    page.get_by_role("link", name="Schedules", exact=True).click()
    page.get_by_role("link", name="New schedule").first.click()
    dialog = page.locator("#dialog")
    dialog.get_by_role("textbox", name="Name").fill("Each minute")
    dialog.locator("#id_operation").select_option("task-breakdown")
    dialog.get_by_role("textbox", name="Title").fill("Write the report")
    dialog.get_by_label("Cron expression").fill(EVERY_MINUTE)
    expect(dialog.locator("#cadence-preview")).to_contain_text("Every minute")
    dialog.get_by_role("button", name="Create schedule").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("link", name="Each minute", exact=True).click()
    page.wait_for_url("**/schedules/*-*/")
    page.evaluate("() => { window.isTheSamePage = true }")
    helix.bring_forward("Each minute")
    executions = page.locator("#execution-list")
    expect(executions).to_contain_text("Success", timeout=LONG_MS)
    assert page.evaluate("() => window.isTheSamePage")

    # The run that it made, and the one before it, in the ledger.
    executions.locator("tbody").get_by_role("link").first.click()
    page.wait_for_url("**/runs/*/")
    expect(page.locator("#outcome")).to_contain_text("Success")
    expect(page.locator("main")).to_contain_text("Each minute")
    page.get_by_role("link", name="Runs", exact=True).first.click()
    page.wait_for_url("**/runs/")
    expect(page.locator(f"#run-rows a[href='{run}']")).to_be_visible()
