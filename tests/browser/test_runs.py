from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from accounts.models import User
from core import live
from operations import registry, validation
from operations.models import Attempt, Run
from tests.browser.kit import Troubles, assert_no_barriers, assert_no_sideways_scroll, say
from tests.builders import make_run
from tests.operations import hostile

pytestmark = pytest.mark.django_db(transaction=True)

SLUGS = [operation.slug for operation in registry.all_operations()]
COLOUR_OF_LINE = """() => getComputedStyle(
  [...document.querySelectorAll("#chart-anomalies-area .js-line")].at(-1)).stroke"""


def succeeded(owner: User, slug: str, *, is_hostile: bool = False) -> Run:
    operation = registry.get(slug)
    given = validation.to_json(operation.parameters.model_validate(operation.example))
    assert operation.rules is not None
    result = hostile.result_of(operation) if is_hostile else operation.rules(given)
    return make_run(
        owner,
        operation=slug,
        status=Run.Status.SUCCESS,
        parameters=hostile.parameters_of(operation) if is_hostile else given,
        result=result,
        provider="anthropic",
        model="claude-haiku-4-5",
    )


def address(run: Run) -> str:
    return f"/runs/{run.pk}/"


def drawn(page: Page) -> None:
    page.locator("[data-fig]").scroll_into_view_if_needed()
    page.locator("[data-fig][data-drawn] .main-svg").first.wait_for()


def test_a_chart_is_drawn_and_follows_the_theme(page: Page, alice: User) -> None:
    page.goto(address(succeeded(alice, "analytics-anomaly")))
    drawn(page)

    light = page.evaluate(COLOUR_OF_LINE)
    before = page.locator("#chart-anomalies").bounding_box()
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"() => ({COLOUR_OF_LINE})() !== '{light}'")

    assert light == "rgb(94, 101, 213)"
    assert page.evaluate(COLOUR_OF_LINE) == "rgb(124, 135, 242)"
    assert page.locator("#chart-anomalies").bounding_box() == before


def test_a_chart_is_redrawn_when_the_theme_is_switched(page: Page, alice: User) -> None:
    page.goto(address(succeeded(alice, "analytics-anomaly")))
    drawn(page)

    page.get_by_role("button", name="Dark theme").click()

    page.wait_for_function(f"() => ({COLOUR_OF_LINE})() === 'rgb(124, 135, 242)'")


def test_a_chart_takes_its_place_before_it_is_drawn(page: Page, alice: User) -> None:
    held: list[Route] = []
    page.route("**/plotly*", lambda route: held.append(route))  # noqa: PLW0108 - no built-in

    page.goto(address(succeeded(alice, "analytics-anomaly")), wait_until="domcontentloaded")
    while not held:
        page.wait_for_timeout(20)
    before = page.locator("#chart-anomalies").bounding_box()
    held[0].continue_()
    drawn(page)

    assert page.locator("#chart-anomalies").bounding_box() == before


def test_a_chart_that_cannot_be_drawn_leads_to_its_table(
    page: Page, alice: User, troubles: Troubles
) -> None:
    troubles.expect(503)
    page.route("**/plotly*", lambda route: route.fulfill(status=503))

    page.goto(address(succeeded(alice, "analytics-anomaly")))

    expect(page.locator("#chart-anomalies-area")).to_contain_text("stand in the table")


def test_the_figures_of_a_chart_can_be_read_as_a_table(page: Page, alice: User) -> None:
    page.goto(address(succeeded(alice, "analytics-anomaly")))

    page.get_by_text("View as table").click()

    expect(page.get_by_role("row", name="11 Nov 2026 48 0 to 21.07 unusual")).to_be_visible()


@pytest.mark.parametrize("slug", SLUGS)
def test_a_hostile_result_does_nothing_and_fits(page: Page, alice: User, slug: str) -> None:
    page.goto(address(succeeded(alice, slug, is_hostile=True)))
    if slug.startswith("analytics"):
        drawn(page)

    assert page.evaluate("() => window.pwned") is None
    assert page.locator("main img, main iframe, main a[href^='javascript']").count() == 0
    assert_no_sideways_scroll(page)


def test_a_hostile_error_and_an_old_result_fit_too(page: Page, alice: User) -> None:
    run = make_run(
        alice,
        status=Run.Status.FAILED,
        error=hostile.LONG_LINE,
        reason=hostile.LONG_LINE,
        parameters={hostile.TRAP: hostile.LONG_LINE},
        result={hostile.TRAP: hostile.LONG_LINE},
        operation=hostile.TRAP[:64],
        provider="anthropic",
        model="m" * 128,
    )
    Attempt.objects.create(
        run=run,
        number=1,
        provider="anthropic",
        model="m" * 128,
        started_at=timezone.now(),
        outcome="failed",
        error=hostile.LONG_LINE,
    )
    for url in (address(run), "/runs/"):
        page.goto(url)

        assert page.evaluate("() => window.pwned") is None
        assert_no_sideways_scroll(page)


@pytest.mark.parametrize("slug", SLUGS)
def test_each_result_is_open_to_everybody(page: Page, alice: User, slug: str) -> None:
    page.goto(address(succeeded(alice, slug)))
    if slug.startswith("analytics"):
        drawn(page)

    assert_no_barriers(page)


@pytest.mark.parametrize("status", Run.Status.values)
def test_each_state_is_open_to_everybody(page: Page, alice: User, status: str) -> None:
    run = make_run(alice, status=status, error="It broke.", reason="No room.")
    common: dict[str, Any] = {"run": run, "started_at": timezone.now(), "provider": "openai"}
    Attempt.objects.create(**common, number=1, model="a", outcome="unknown", error="No answer.")
    Attempt.objects.create(**common, number=2, model="b", outcome="calling")

    page.goto(address(run))

    assert_no_barriers(page)
    assert_no_sideways_scroll(page)


def test_the_list_is_open_to_everybody(page: Page, alice: User) -> None:
    for status in Run.Status.values:
        make_run(alice, status=status, error="It broke.", provider="simulated", model="sim-1")

    page.goto("/runs/")

    assert_no_barriers(page)
    assert_no_sideways_scroll(page)


def test_filters_change_the_list_and_the_address_and_keep_the_focus(
    page: Page, alice: User
) -> None:
    make_run(alice, status=Run.Status.FAILED, error="It broke.")
    make_run(alice)
    page.goto("/runs/")

    page.get_by_role("radio", name="Failed 1").check(force=True)

    expect(page.locator("#run-table tbody tr")).to_have_count(1)
    assert "status=failed" in page.url
    assert page.evaluate("() => document.activeElement.id") == "status-failed"
    page.reload()
    expect(page.locator("#run-table tbody tr")).to_have_count(1)


def test_a_run_is_cancelled_in_a_dialog(page: Page, alice: User) -> None:
    run = make_run(alice)
    page.goto(address(run))

    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("Wrong report.")
    assert_no_barriers(page)
    page.get_by_role("button", name="Cancel the run").click()

    expect(page.locator("#outcome")).to_contain_text("Wrong report.")
    run.refresh_from_db()
    assert run.status == Run.Status.CANCELLED


def test_a_chart_that_arrives_with_a_live_part_is_drawn(page: Page, alice: User) -> None:
    run = succeeded(alice, "analytics-anomaly")
    Run.objects.filter(pk=run.pk).update(status=Run.Status.RUNNING, result=None)
    page.goto(address(run))
    expect(page.locator("#result")).to_have_count(0)
    Run.objects.filter(pk=run.pk).update(status=Run.Status.SUCCESS, result=run.result)
    name = f"run?id={run.pk}"
    (part,) = live.parse_parts([name]).values()

    say(page, name, part.region.render(alice, part.query))

    drawn(page)
    expect(page.get_by_text("Success").first).to_be_visible()


def test_the_list_and_a_run_work_without_javascript(
    page_without_javascript: Page, alice: User
) -> None:
    page = page_without_javascript
    run = make_run(alice)
    make_run(alice, status=Run.Status.FAILED)
    page.goto("/runs/")

    page.get_by_role("radio", name="Pending 1").check(force=True)
    page.get_by_role("button", name="Apply").click()
    page.locator("#run-table tbody a").first.click()
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("button", name="Cancel the run").click()

    run.refresh_from_db()
    assert run.status == Run.Status.CANCELLED
    expect(page.locator("#outcome")).to_contain_text("Cancelled by alice.")
