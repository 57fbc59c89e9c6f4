"""Pages in a real Chromium, against the live server; a test fails on what its pages complain of.

Left out with a plain reason where there is no Chromium. `page` belongs to alice, signed in;
`visitor` to nobody; `page_of` to whom you say.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from tests.browser.kit import STILL_STREAM, WATCH_POLICY, Troubles
from tools.chromium import FLAGS, WHERE, find_chromium

CHROMIUM = find_chromium()
TIMEOUT_MS = 15_000  # a machine may have more to do than this
expect.set_options(timeout=TIMEOUT_MS)
PageOf = Callable[..., Page]


def pytest_itemcollected(item: pytest.Item) -> None:
    item.add_marker("browser")
    if CHROMIUM is None:
        item.add_marker(pytest.mark.skip(reason=f"no Chromium: {WHERE}"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put browser tests last: Playwright leaves an event loop in the process that ran one."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Ask, when the test itself has passed, what its pages complained of."""
    result = yield
    troubles = pyfuncitem.funcargs.get("troubles")
    if isinstance(troubles, Troubles):
        troubles.raise_if_any()
    return result


@pytest.fixture(scope="session", autouse=True)
def _orm_beside_playwright() -> Iterator[None]:
    """Let the ORM work in the thread in which Playwright keeps its event loop."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    yield
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    else:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


@pytest.fixture(scope="session")
def base_url() -> str:
    """Stand in for a plugin's own: each context is told its server's address."""
    return ""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": list(FLAGS)}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_context_args,
        "viewport": {"width": 1280, "height": 800},
        "locale": "en-GB",
        "timezone_id": "Europe/Berlin",
        "color_scheme": "light",
        "reduced_motion": "reduce",
    }


@pytest.fixture(autouse=True)
def troubles() -> Troubles:
    """Collect what pages complain of; `troubles.expect(404)` forgives an answer a test asks for."""
    return Troubles()


@pytest.fixture
def new_watched(
    new_context: Callable[..., BrowserContext], troubles: Troubles
) -> Callable[..., BrowserContext]:
    """Make contexts whose pages are watched; `has_stream` leaves them their real event stream."""

    def make(*, has_stream: bool = False, **options: Any) -> BrowserContext:
        context = new_context(**options)
        context.set_default_timeout(TIMEOUT_MS)
        context.add_init_script(WATCH_POLICY)
        if not has_stream:
            context.add_init_script(STILL_STREAM)
        troubles.watch(context)
        return context

    return make


@pytest.fixture
def visitor(live_server: LiveServer, new_watched: Callable[..., BrowserContext]) -> Page:
    return new_watched(base_url=live_server.url).new_page()


@pytest.fixture
def page_of(live_server: LiveServer, new_watched: Callable[..., BrowserContext]) -> PageOf:
    """Make pages of people who are signed in; options are those of a browser's context."""

    def make(user: User, **options: Any) -> Page:
        context = new_watched(base_url=live_server.url, **options)
        client = Client()
        client.force_login(user)
        name = settings.SESSION_COOKIE_NAME
        value = client.cookies[name].value
        context.add_cookies([{"name": name, "value": value, "url": live_server.url}])
        return context.new_page()

    return make


@pytest.fixture
def page(page_of: PageOf, alice: User) -> Page:
    return page_of(alice)


@pytest.fixture
def page_without_javascript(page_of: PageOf, alice: User) -> Page:
    return page_of(alice, java_script_enabled=False)
