"""Open pages that keep themselves current: how soon a settled run is there, and what that costs.

200 tabs show the list of runs of their owners, at a real web process, while a real worker settles
runs; a Chromium tab beside them says when the row stands on its screen. Then the same tabs ask
every two seconds, as pages without a stream do.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import psutil
import psycopg

from bench import house, support
from bench.figures import Peer, percentile, tell
from bench.house import House
from bench.idle import answers

TABS = 200
RUNS_PER_S = 2.0  # 170,000 a day, which the owners have in turn
WINDOW_S = 30.0
OPENS_OVER_S = 15.0  # people do not come all at once
OPENS_WITHIN_S = 60.0
SETTLES_IN_S = 3.0
SEEN_WITHIN_S = 60.0
POLL_S = 2.0
LATENCY_MS = 500
PAGE = "/runs/"
PART = "run-table"  # what a page that polls asks for

_LIVE = re.compile(r'data-live="([^"]+)"')
_ENDED = re.compile(rb'id="run-([0-9a-f-]{36})"(?:(?!</tr>).)*?data-tone="success"', re.DOTALL)


class NotAnswered(RuntimeError):
    """The server answered, but not with a page."""


@dataclass
class Tab:
    """One open page: when each run stood in what it was sent."""

    owner_id: UUID
    cookie: str
    seen: dict[UUID, float] = field(default_factory=dict)
    is_open: bool = False

    def read(self, html: bytes) -> None:
        self.is_open = True
        now = time.time()
        for found in _ENDED.finditer(html):
            self.seen.setdefault(UUID(found[1].decode()), now)


@dataclass(frozen=True)
class Measured:
    lags_s: list[float]
    core_percent: float
    connections: int
    screen_s: list[float]


def measure(at: House) -> None:
    support.manage(at.environment(), "collectstatic", "--noinput", "--verbosity", "0")
    streamed = _measure(at, _stream, with_chromium=True)
    every = f"htmx polling every {POLL_S:g} s"
    try:
        polled = _measure(at, _poll)
    except (RuntimeError, TimeoutError) as error:
        print(f"{every} left out: {error}", file=sys.stderr)
        polled = None

    def peer(value: Callable[[Measured], float]) -> list[Peer]:
        return [Peer(every, value(polled))] if polled else []

    median_s = percentile(streamed.lags_s, 0.5)
    screen = (
        f"; on Chromium's screen p99 {percentile(streamed.screen_s, 0.99):.2f} s"
        if streamed.screen_s
        else "; no Chromium"
    )
    tell(
        "live_p99_s",
        [percentile(streamed.lags_s, 0.99)],
        "s",
        reach=1,
        peers=peer(lambda it: percentile(it.lags_s, 0.99)),
        note=f"{TABS} tabs of {house.OWNERS} owners, {RUNS_PER_S:g} runs/s,"
        f" {len(streamed.lags_s)} arrivals; median {median_s:.2f} s{screen}",
    )
    tell(
        "live_web_core_percent",
        [streamed.core_percent],
        "% of a core",
        reach=20,
        peers=peer(lambda it: it.core_percent),
        note="the web process while those runs settle",
    )
    tell(
        "live_connections",
        [streamed.connections],
        "connections",
        reach=TABS / 4,
        peers=peer(lambda it: it.connections),
        note="of the web process to the database, the most at once; its pool takes up to 20",
    )


def _measure(
    at: House,
    keep_open: Callable[[int, Tab], Coroutine[Any, Any, None]],
    *,
    with_chromium: bool = False,
) -> Measured:
    env = at.environment(HELIX_SIMULATED_PROVIDER=f"latency_ms={LATENCY_MS}")
    with at.renew() as watch:
        port = support.free_port()
        command = [sys.executable, "manage.py", "web", "--port", str(port)]
        with support.Process(command, env) as web, support.worker(env) as worker:
            support.await_engines(watch, 2, worker)
            support.await_truth(lambda: answers(port), "the web process", process=web)
            house.warm_up(watch, worker)
            cookies = {owner.pk: _sign_in(owner) for owner in _owners()}
            tabs = [Tab(*each) for each in list(cookies.items()) * (TABS // len(cookies))]
            with contextlib.ExitStack() as stack:
                look = stack.enter_context(_chromium(port, tabs[0])) if with_chromium else dict
                broken = stack.enter_context(_in_background(port, tabs, keep_open))
                support.await_truth(
                    lambda: broken or all(tab.is_open for tab in tabs),
                    "all tabs open",
                    within_s=OPENS_WITHIN_S,
                    every_s=0.2,
                    process=web,
                )
                time.sleep(SETTLES_IN_S)
                return _watch(watch, web, worker, tabs, look)


def _watch(
    watch: psycopg.Connection[Any],
    web: support.Process,
    worker: support.Process,
    tabs: list[Tab],
    look: Callable[[], dict[UUID, float]],
) -> Measured:
    """Have runs done for a while; return what it cost, and how long after its end each was seen."""
    first = house.database_now(watch)
    process = psutil.Process(web.popen.pid)
    owners = _owners()
    connections = []
    settled = house.settled(watch)
    begun, cpu = time.monotonic(), sum(process.cpu_times()[:2])
    count = int(RUNS_PER_S * WINDOW_S)
    for number in range(count):
        _submit(owners[number % len(owners)], number)
        connections.append(_connections(process))
        time.sleep(max(0.0, begun + (number + 1) / RUNS_PER_S - time.monotonic()))
    spent = sum(process.cpu_times()[:2]) - cpu
    elapsed = time.monotonic() - begun
    house.await_settled(watch, settled + count, worker)
    ends: dict[UUID, dict[UUID, float]] = {}
    rows = watch.execute(
        "SELECT owner_id, id, finished_at FROM operation_runs WHERE created_at >= %s", [first]
    )
    for owner_id, run_id, finished_at in rows:
        ends.setdefault(owner_id, {})[run_id] = finished_at.timestamp()
    support.await_truth(
        lambda: all(tab.seen.keys() >= ends.get(tab.owner_id, {}).keys() for tab in tabs),
        "all runs in all tabs",
        within_s=SEEN_WITHIN_S,
        every_s=0.2,
        process=web,
    )
    mine = ends.get(tabs[0].owner_id, {})
    screen = {run_id: at for run_id, at in look().items() if run_id in mine}
    return Measured(
        lags_s=[
            tab.seen[run_id] - end
            for tab in tabs
            for run_id, end in ends.get(tab.owner_id, {}).items()
        ],
        core_percent=100 * spent / elapsed,
        connections=max(connections),
        screen_s=[at - mine[run_id] for run_id, at in screen.items()],
    )


def _submit(owner: Any, number: int) -> None:
    from operations import services
    from operations.models import Run

    slug, parameters = house.work(number)
    services.submit(owner=owner, operation=slug, parameters=parameters, origin=Run.Origin.COMMAND)


def _connections(process: psutil.Process) -> int:
    """Return how many connections to the database the process holds now."""
    server = urlsplit(support.SERVER).port or 5432
    return sum(each.raddr.port == server for each in process.net_connections("tcp") if each.raddr)


def _owners() -> list[Any]:
    from accounts.models import User

    return list(User.objects.order_by("username"))


def _sign_in(owner: Any) -> str:
    """Return the cookie of a session of the owner's."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session[SESSION_KEY] = str(owner.pk)
    session[BACKEND_SESSION_KEY] = "accounts.backends.RoleBackend"
    session[HASH_SESSION_KEY] = owner.get_session_auth_hash()
    session.create()
    return f"sessionid={session.session_key}"


# --- the tabs ------------------------------------------------------------------------------------
@contextlib.contextmanager
def _in_background(
    port: int, tabs: list[Tab], keep_open: Callable[[int, Tab], Coroutine[Any, Any, None]]
) -> Iterator[list[BaseException]]:
    """Keep the tabs open in a thread of their own; yield what breaks, which ends it."""
    loop = asyncio.new_event_loop()
    broken: list[BaseException] = []

    async def one(number: int, tab: Tab) -> None:
        await asyncio.sleep(number * OPENS_OVER_S / len(tabs))
        try:
            await keep_open(port, tab)
        except Exception as error:  # noqa: BLE001  # told below, in the thread that measures
            broken.append(error)

    async def all_of_them() -> None:
        await asyncio.gather(*(one(number, tab) for number, tab in enumerate(tabs)))

    task = loop.create_task(all_of_them())

    def run() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield broken
        if broken:
            raise RuntimeError(f"{len(broken)} tabs broke; the first: {broken[0]!r}")
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
        loop.close()


async def _stream(port: int, tab: Tab) -> None:
    """Open the page, then its stream, and read until the measurement ends."""
    page = await _get(port, PAGE, tab.cookie)
    parts = [("r", name.replace("&amp;", "&")) for name in _LIVE.findall(page.decode())]
    _, reader, writer = await _ask(port, f"/events/?{urlencode(parts)}", tab.cookie)
    try:
        while chunk := await _chunk(reader):
            tab.read(chunk)
        raise RuntimeError("the stream ended")
    finally:
        writer.close()


async def _poll(port: int, tab: Tab) -> None:
    """Ask for the part again and again; what is not answered is asked for the next time."""
    headers = f"HX-Request: true\r\nHX-Target: {PART}\r\n"
    while True:
        begun = time.monotonic()
        with contextlib.suppress(NotAnswered):
            tab.read(await _get(port, PAGE, tab.cookie, headers))
        await asyncio.sleep(max(0.0, begun + POLL_S - time.monotonic()))


async def _ask(
    port: int, path: str, cookie: str, more: str = ""
) -> tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]:
    """Return the head of the answer, and the connection that its body comes by."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n{more}\r\n"
    writer.write(head.encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in answer.partition(b"\r\n")[0]:
        writer.close()
        raise NotAnswered(f"{path} answered {answer.decode()}")
    return answer, reader, writer


async def _chunk(reader: asyncio.StreamReader) -> bytes:
    size = int(await reader.readuntil(b"\r\n"), 16)
    return (await reader.readexactly(size + 2))[:-2]


async def _get(port: int, path: str, cookie: str, more: str = "") -> bytes:
    answer, reader, writer = await _ask(port, path, cookie, more)
    try:
        length = re.search(rb"(?i)content-length: (\d+)", answer)
        if length is None:
            raise RuntimeError(f"{path} does not say how long it is")
        return await reader.readexactly(int(length[1]))
    finally:
        writer.close()


# --- the one that people see ---------------------------------------------------------------------
_WATCH = """() => {
  window.seen = {};
  new MutationObserver(() => requestAnimationFrame(() => {
    for (const row of document.querySelectorAll("tr[id^=run-]"))
      if (row.querySelector("[data-tone=success]")) seen[row.id.slice(4)] ??= Date.now() / 1000;
  })).observe(document.body, { childList: true, subtree: true });
}"""


@contextlib.contextmanager
def _chromium(port: int, tab: Tab) -> Iterator[Callable[[], dict[UUID, float]]]:
    """Open the page in a browser; yield what tells when each run stood on its screen."""
    from tools import chromium

    path = chromium.find_chromium()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        path = None
    if path is None:
        yield dict
        return
    # Its loop runs in this thread, beside which Django refuses to ask the database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(chromium.FLAGS))
        context = browser.new_context()
        address = f"http://127.0.0.1:{port}"
        name, _, value = tab.cookie.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": address}])
        page = context.new_page()
        page.goto(f"{address}{PAGE}")
        page.evaluate(_WATCH)
        yield lambda: {UUID(key): at for key, at in page.evaluate("() => seen").items()}
        browser.close()
