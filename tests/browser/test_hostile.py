"""Markup in every text that people, models or machines write: it stands there, and does nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import Page

from accounts.models import User
from audit import services as audit
from jobs.models import JobRun
from operations.models import Attempt, Run
from scheduling import services as schedules
from scheduling.models import Execution
from tests.browser.conftest import PageOf
from tests.browser.kit import assert_no_sideways_scroll
from tests.browser.world import BREAKDOWN, address, make_run, make_schedule
from tests.builders import make_job

TRAP = (
    "\"'`></textarea></title></script><script>window.__pwned = 1; alert(1)</script>"
    "<img src=x onerror='window.__pwned = 1'><svg onload=alert(1)>"
    "<a href='javascript:window.__pwned = 1'>{{ 7|add:7 }}{% now 'Y' %}${7*7}"
)
TITLE = TRAP[:120]


@pytest.fixture
def paths(sam: User) -> list[str]:
    """Fill every table of sam's with traps, and return the pages that show them."""
    now = timezone.now()
    parameters = {**BREAKDOWN, "title": TITLE}
    with transaction.atomic():
        schedule = make_schedule(sam, TITLE, parameters=parameters)
        runs = [
            make_run(sam, status=status, error=TRAP, reason=TRAP, parameters=parameters)
            for status in Run.Status.values
        ]
        odd = make_run(
            sam, operation=TITLE[:64], model=TRAP, provider=TRAP[:32], result={TRAP: TRAP}
        )
        Attempt.objects.create(
            run=odd, number=1, provider=TRAP[:32], model=TRAP[:128], error=TRAP, started_at=now
        )
        for number, run in enumerate(runs):
            Execution.objects.create(
                schedule=schedule,
                expected_at=now - timedelta(hours=number),
                triggered_by="cron",
                run=run,
            )
        Execution.objects.create(
            schedule=schedule,
            expected_at=now - timedelta(days=1),
            triggered_by="cron",
            reason=TRAP,
        )
        schedules.pause_schedule(schedule, by=sam, reason=TRAP)
        job = make_job(TRAP[:100], JobRun.State.FAILED, error=TRAP, arguments={TRAP: TRAP})
        audit.record(
            f"thing.{TRAP[:40]}",
            target=f"thing:{TRAP[:100]}",
            by=sam,
            before={TRAP: TRAP},
            after={TRAP: [TRAP]},
        )
    return [
        *map(address, ("show_overview", "list_schedules", "list_runs", "list_operations")),
        *map(address, ("list_jobs", "list_audit_events", "edit_operations", "edit_budgets")),
        *(
            address(name, schedule)
            for name in ("show_schedule", "edit_schedule", "delete_schedule")
        ),
        *(address("show_run", run) for run in (odd, runs[0], runs[3], runs[4])),
        address("show_job", job),
        f"/operations/task-breakdown/?from={runs[3].pk}",
        "/palette/?q=script",
        "/runs/?q=%3Cscript%3Ealert(1)%3C/script%3E&operation=%22%3E%3Cimg+src=x+onerror=alert(1)%3E",
        "/schedules/?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "/audit/?q=%22%3E%3Cscript%3E&from=%22%3E%3Cscript%3E&action=a.b",
        "/schedules/preview/?expression=%3Cscript%3Ealert(1)%3C/script%3E&zone=%22%3E%3Cb%3E",
    ]


def test_markup_stands_there_and_does_nothing(sam: User, page_of: PageOf, paths: list[str]) -> None:
    page = page_of(sam)

    for path in paths:
        page.goto(path)

        assert was_harmless(page), path
        assert page.locator("[onerror], [onload], a[href^='javascript:']").count() == 0, path
        assert_no_sideways_scroll(page, widths=(360,))


def test_markup_stands_in_dialogs_and_swapped_parts(
    sam: User, page_of: PageOf, paths: list[str]
) -> None:
    page = page_of(sam)
    openers = {
        "/schedules/": ".schedule__edit >> nth=0",
        "/jobs/": "#job-rows a >> nth=0",
        "/runs/": "#run-rows [href] >> nth=0",
    }

    for path, opener in openers.items():
        page.goto(path)
        with page.expect_response(lambda response: response.status == 200):
            page.locator(opener).press("Enter")
        page.wait_for_load_state("networkidle")

        assert was_harmless(page), path

    page.goto("/schedules/")
    page.get_by_role("switch").first.check()
    page.wait_for_load_state("networkidle")
    assert was_harmless(page)


def was_harmless(page: Page) -> bool:
    return bool(page.evaluate("() => window.__pwned === undefined"))
