"""Does the harness see what it is there to see?"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, Route

from tests.browser.kit import (
    WATCH_POLICY,
    Troubles,
    assert_no_barriers,
    assert_no_sideways_scroll,
)

SITE = "https://site.test/"
POLICY = "default-src 'none'; style-src 'self'"
SOUND = (
    "<!doctype html><html lang=en><meta name=color-scheme content='light dark'><title>T</title>"
    "<body><main><h1>T</h1>{}</main></body></html>"
)


@pytest.fixture
def watched() -> Troubles:
    """A list of its own: what it finds is what the test is about."""
    return Troubles()


@pytest.fixture
def show(new_context: Callable[..., BrowserContext], watched: Troubles) -> Callable[..., Page]:
    def show(body: str, *, status: int = 200) -> Page:
        def answer(route: Route) -> None:
            is_page = route.request.url == SITE
            route.fulfill(
                status=status if is_page else 500,
                body=SOUND.format(body) if is_page else "",
                headers={"content-type": "text/html", "content-security-policy": POLICY},
            )

        context = new_context()
        context.add_init_script(WATCH_POLICY)
        watched.watch(context)
        context.route("**/*", answer)
        page = context.new_page()
        page.goto(SITE, wait_until="load")
        return page

    return show


def test_a_sound_page_has_no_troubles(show: Callable[..., Page], watched: Troubles) -> None:
    page = show("<p>Hello</p>")

    watched.raise_if_any()
    assert_no_barriers(page)
    assert_no_sideways_scroll(page)


@pytest.mark.parametrize(
    "body",
    [
        "<script>window.x = 1</script>",
        '<p style="color: red">Red</p>',
        '<img src="x" onerror="alert(1)" alt="">',
    ],
)
def test_a_breach_of_the_policy_is_seen(
    show: Callable[..., Page], watched: Troubles, body: str
) -> None:
    show(body)

    with pytest.raises(AssertionError, match="policy violated"):
        watched.raise_if_any()


def test_a_page_error_is_seen(show: Callable[..., Page], watched: Troubles) -> None:
    show("").evaluate("() => setTimeout(() => { throw new Error('broken') })")
    show("")  # the error comes a moment later

    with pytest.raises(AssertionError, match="page error: broken"):
        watched.raise_if_any()


def test_an_error_in_the_console_is_seen(show: Callable[..., Page], watched: Troubles) -> None:
    show("").evaluate("() => console.error('oh')")

    with pytest.raises(AssertionError, match="console: oh"):
        watched.raise_if_any()


def test_a_dialog_is_seen(show: Callable[..., Page], watched: Troubles) -> None:
    show("").evaluate("() => alert('oh')")

    with pytest.raises(AssertionError, match="alert opened: oh"):
        watched.raise_if_any()


def test_a_refusal_is_seen_unless_it_was_expected(
    show: Callable[..., Page], watched: Troubles
) -> None:
    show("", status=404)
    with pytest.raises(AssertionError, match="404: GET"):
        watched.raise_if_any()

    forgiving = Troubles()
    forgiving.expect(404)
    page = show("")
    forgiving.watch(page.context)
    page.goto(SITE)
    forgiving.raise_if_any()


def test_a_field_without_a_label_is_a_barrier(show: Callable[..., Page]) -> None:
    page = show('<input type="text">')

    with pytest.raises(AssertionError, match=r"label \(critical\)"):
        assert_no_barriers(page)


def test_what_stands_out_at_the_side_is_named(show: Callable[..., Page]) -> None:
    page = show('<img id="wide" alt="" width="700" height="9">')

    with pytest.raises(AssertionError, match=r'at 320 px: .*id="wide"'):
        assert_no_sideways_scroll(page)
