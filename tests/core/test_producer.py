from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import aclosing
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import Http404, QueryDict
from django.test import AsyncClient, Client
from django.utils import timezone

from accounts.models import User
from core import events, live
from core.producer import (
    BREATH,
    MOST_STREAMS,
    OPENING,
    SIGNED_OUT,
    Listener,
    Producer,
    SignIn,
    encode,
    producer,
)
from tests.builders import make_user
from tests.conftest import signed_in
from tests.processes import wait_for


class Probe:
    """A live part of its own: what it watches and shows is set by the test."""

    def __init__(self) -> None:
        self.marks: Counter[str] = Counter()
        self.rendered: list[str] = []
        self.asked = 0

    def watch(self, owner_ids: Any) -> Mapping[Any, int]:
        self.asked += 1
        users = User.objects.filter(pk__in=owner_ids)
        return {user.pk: self.marks[user.username] for user in users}

    def render(self, user: User, query: QueryDict) -> str:
        if query.get("is") == "gone":
            raise Http404
        if query.get("is") == "broken":
            raise RuntimeError("no such figure")
        if query.get("is") == "same":
            return "<p>the same</p>"
        said = query.get("say", "")
        self.rendered.append(f"{user.username}{said}")
        return f"<p>{user.username} {self.marks[user.username]}{said}</p>"


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Probe:
    live._discover()
    probe = Probe()
    monkeypatch.setitem(live._watchers, "probe", probe.watch)
    monkeypatch.setitem(live._regions, "probe", live.Region(probe.render, ("probe",)))
    return probe


class Tab(Listener):
    """An open page that keeps what it is given; it needs no event loop."""

    def __init__(self, client: Client, *names: str) -> None:
        session = client.session
        self.sign_in = SignIn(
            user_id=User.objects.get(pk=session["_auth_user_id"]).pk,
            session_key=session.session_key or "",
            session_hash=session[HASH_SESSION_KEY],
        )
        self.parts = live.parse_parts(names or ["probe"])
        self.shown = {}
        self.got: list[str] = []
        self.last: bytes | None = None

    def give(self, name: str, frame: bytes) -> None:
        self.got.append(frame.decode())

    def end(self, last: bytes = b"") -> None:
        self.last = last


def said(text: str, name: str = "probe") -> str:
    return f"event: {name}\ndata: <p>{text}</p>\n\n"


@pytest.mark.django_db
def test_a_page_is_told_what_is_true_now_and_then_what_changes(
    as_alice: Client, probe: Probe
) -> None:
    tab, us = Tab(as_alice), Producer()

    us.look([tab])
    us.look([tab])
    probe.marks["alice"] = 1
    us.look([tab])
    us.look([tab])

    assert tab.got == [said("alice 0"), said("alice 1")]


@pytest.mark.django_db
def test_a_page_that_comes_back_is_told_what_it_missed(as_alice: Client, probe: Probe) -> None:
    us = Producer()
    us.look([Tab(as_alice)])
    probe.marks["alice"] = 1
    us.look([Tab(as_alice)])
    back = Tab(as_alice)

    us.look([back])

    assert back.got == [said("alice 1")]


@pytest.mark.django_db
def test_the_change_of_one_never_reaches_another(
    as_alice: Client, as_bob: Client, probe: Probe
) -> None:
    alices, bobs, us = Tab(as_alice), Tab(as_bob), Producer()
    us.look([alices, bobs])
    probe.rendered.clear()

    probe.marks["bob"] = 7
    us.look([alices, bobs])

    assert probe.rendered == ["bob"]
    assert alices.got == [said("alice 0")]
    assert bobs.got == [said("bob 0"), said("bob 7")]


@pytest.mark.django_db
def test_every_owner_gets_a_fragment_of_their_own_also_of_what_is_shared(
    as_alice: Client, as_bob: Client, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(live._regions, "probe", live.Region(probe.render, ("minute",)))
    alices, bobs = Tab(as_alice), Tab(as_bob)

    Producer().look([alices, bobs])

    assert (alices.got, bobs.got) == ([said("alice 0")], [said("bob 0")])


@pytest.mark.django_db
def test_many_tabs_cost_one_look_and_one_rendering_a_part(
    as_alice: Client, probe: Probe, django_assert_num_queries: Any
) -> None:
    tabs, us = [Tab(as_alice, "probe", "probe?say=x") for _ in range(20)], Producer()
    us.look(tabs)

    with django_assert_num_queries(1):
        us.look(tabs)
    probe.marks["alice"] = 1
    with django_assert_num_queries(3):  # what changed, who they are, their sessions
        us.look(tabs)

    assert probe.asked == 3
    assert probe.rendered == ["alice", "alicex"] * 2
    assert all(len(tab.got) == 4 for tab in tabs)


@pytest.mark.django_db
def test_one_person_has_so_many_pages_and_different_parts_at_most(
    as_alice: Client, alice: User, bob: User, probe: Probe
) -> None:
    us = Producer()
    us._listeners.update(
        Tab(as_alice, *(f"probe?say={page}-{part}" for part in range(10))) for page in range(12)
    )

    assert not us.is_too_much(alice.pk, ["probe?say=0-0"])
    assert us.is_too_much(alice.pk, ["probe?say=another"])
    assert not us.is_too_much(bob.pk, ["probe?say=another"])

    us._listeners = {Tab(as_alice) for _ in range(MOST_STREAMS)}

    assert us.is_too_much(alice.pk, ["probe"])


@pytest.mark.django_db
def test_what_is_rendered_as_before_is_not_sent_again(as_alice: Client, probe: Probe) -> None:
    tab, us = Tab(as_alice, "probe?is=same"), Producer()
    us.look([tab])

    probe.marks["alice"] = 1
    us.look([tab])

    assert tab.got == [said("the same", "probe?is=same")]


@pytest.mark.django_db
def test_a_part_that_is_gone_or_broken_leaves_the_others_alone(
    as_alice: Client, probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    tab, us = Tab(as_alice, "probe?is=broken", "probe?is=gone", "probe"), Producer()

    us.look([tab])
    us.look([tab])

    assert tab.got == [said("alice 0")]
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == [
        "The live part “probe?is=broken” could not be rendered"
    ]


def sign_out(user: User, client: Client) -> None:
    client.logout()


def deactivate(user: User, client: Client) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def change_password(user: User, client: Client) -> None:
    user.set_password("another-horse-battery")
    user.save()


def expire(user: User, client: Client) -> None:
    Session.objects.update(expire_date=timezone.now())


@pytest.mark.django_db
@pytest.mark.parametrize("end", [sign_out, deactivate, change_password, expire])
def test_who_is_signed_in_no_more_gets_nothing_more(
    alice: User, as_alice: Client, probe: Probe, end: Callable[[User, Client], None]
) -> None:
    tab, us = Tab(as_alice), Producer()
    us.look([tab])
    end(alice, as_alice)

    probe.marks["alice"] = 1
    us.look([tab])

    assert tab.got == [said("alice 0")]
    assert tab.last == SIGNED_OUT


@pytest.mark.django_db
def test_sign_ins_are_looked_at_when_nothing_happens_too(
    as_alice: Client, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.producer.SIGN_INS_EVERY_S", 0.0)
    tab, us = Tab(as_alice), Producer()
    us.look([tab])
    as_alice.logout()

    us.look([tab])

    assert tab.last == SIGNED_OUT


@pytest.mark.django_db
def test_times_are_told_in_the_readers_zone(probe: Probe) -> None:
    tab = Tab(signed_in(make_user("zoe", zone="Asia/Tokyo")))
    zones = []

    def render(user: User, query: QueryDict) -> str:
        zones.append(timezone.get_current_timezone_name())
        return ""

    live._regions["probe"] = live.Region(render, ("probe",))
    tab.parts = live.parse_parts(["probe"])
    Producer().look([tab])

    assert zones == ["Asia/Tokyo"]
    assert timezone.get_current_timezone_name() == "UTC"


def test_an_event_has_a_line_of_data_for_each_line() -> None:
    frame = encode("probe", "\n<p>\n  a\r\nb\rc\u2028d</p>\n")

    assert frame.decode() == ("event: probe\ndata: <p>\ndata:   a\ndata: b\ndata: c\u2028d</p>\n\n")


# --- the thread, and the stream itself ----------------------------------------------------------
def run(call: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test that waits for streams, and fail where one hangs."""

    async def within() -> None:
        async with asyncio.timeout(20):
            await call()

    async_to_sync(within)()


def is_producing() -> bool:
    return any(thread.name == "live" for thread in threading.enumerate())


@pytest.fixture
def _quiet() -> Iterator[None]:
    """Leave no thread of the producer behind, whose connection would outlive the test."""
    yield
    wait_for(lambda: not is_producing(), "the producer's end")


@pytest.fixture
def tabs(alice: User) -> Callable[..., Any]:
    """Return a function that opens a page's stream and yields its events one by one."""
    client = AsyncClient()
    client.force_login(alice)

    async def opened(*names: str) -> AsyncIterator[bytes]:
        response: Any = await client.get("/events/", {"r": names})
        assert response.status_code == 200
        async with aclosing(response.streaming_content) as frames:
            async for frame in frames:
                yield frame

    return opened


live_database = pytest.mark.django_db(transaction=True)


@live_database
@pytest.mark.usefixtures("_quiet")
def test_a_stream_tells_what_is_true_now_and_what_changes(tabs: Any, probe: Probe) -> None:
    async def call() -> None:
        async with aclosing(tabs("probe")) as tab:
            assert await anext(tab) == OPENING
            assert (await anext(tab)).decode() == said("alice 0")
            probe.marks["alice"] = 1
            begun = time.monotonic()
            assert (await anext(tab)).decode() == said("alice 1")
            assert time.monotonic() - begun < 5  # half a second, on a machine that is not busy
            assert is_producing()

    run(call)


@live_database
@pytest.mark.usefixtures("_quiet")
def test_one_thread_serves_all_and_ends_after_the_last(tabs: Any, probe: Probe) -> None:
    async def call() -> None:
        first, second = tabs("probe"), tabs("probe", "probe?say=x")
        for tab in (first, second):
            await anext(tab)
            await anext(tab)
        assert sum(thread.name == "live" for thread in threading.enumerate()) == 1
        await first.aclose()
        await asyncio.sleep(0.7)
        assert is_producing()
        await second.aclose()

    run(call)
    wait_for(lambda: not is_producing(), "the producer's end")
    assert producer._listeners == set()


@live_database
@pytest.mark.usefixtures("_quiet")
def test_an_open_page_holds_no_connection(tabs: Any, probe: Probe) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no connections to count")

    def others() -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid()"
            )
            return int(cursor.fetchone()[0])

    async def call() -> None:
        opened = [tabs("probe") for _ in range(8)]
        for tab in opened:
            await anext(tab)
            await anext(tab)
        counts = []
        for _ in range(20):
            counts.append(await sync_to_async(others)())
            await asyncio.sleep(0.03)
        assert min(counts) == 0  # between two rounds
        assert max(counts) <= 1  # the producer's own, in a round
        for tab in opened:
            await tab.aclose()

    run(call)


@live_database
@pytest.mark.usefixtures("_quiet")
def test_a_silent_stream_says_a_comment(
    tabs: Any, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.producer.BREATH_S", 0.8)

    async def call() -> None:
        async with aclosing(tabs("probe?is=gone")) as tab:
            assert [await anext(tab) for _ in range(3)] == [OPENING, BREATH, BREATH]

    run(call)


@live_database
@pytest.mark.usefixtures("_quiet")
def test_who_reads_slowly_gets_the_newest_only(tabs: Any, probe: Probe) -> None:
    async def call() -> None:
        async with aclosing(tabs("probe")) as tab:
            await anext(tab)
            await anext(tab)
            for number in (1, 2, 3):
                probe.marks["alice"] = number
                await asyncio.sleep(0.7)
            assert (await anext(tab)).decode() == said("alice 3")

    run(call)


@live_database
@pytest.mark.usefixtures("_quiet")
def test_signing_out_ends_the_stream(alice: User, tabs: Any, probe: Probe) -> None:
    async def call() -> None:
        tab = tabs("probe")
        await anext(tab)
        await anext(tab)
        await sync_to_async(Session.objects.all().delete)()
        probe.marks["alice"] = 1
        assert [frame async for frame in tab] == [SIGNED_OUT]

    run(call)


@live_database
@pytest.mark.usefixtures("_quiet")
def test_streams_end_when_the_process_stops_and_no_new_one_stays(
    tabs: Any, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "producer", stopping := Producer())

    async def call() -> None:
        tab = tabs("probe")
        await anext(tab)
        await anext(tab)
        stopping.close()
        assert [frame async for frame in tab] == []
        assert [frame async for frame in tabs("probe")] == [OPENING]

    run(call)


@live_database
@pytest.mark.usefixtures("_quiet")
def test_a_round_that_fails_is_told_once_and_the_next_goes_on(
    tabs: Any, probe: Probe, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    is_broken = [True]

    def watch(owner_ids: Any) -> Mapping[Any, int]:
        if is_broken[0]:
            raise RuntimeError("the database is away")
        return probe.watch(owner_ids)

    monkeypatch.setitem(live._watchers, "probe", watch)

    async def call() -> None:
        async with aclosing(tabs("probe")) as tab:
            await anext(tab)
            await asyncio.sleep(1.2)
            is_broken[0] = False
            assert (await anext(tab)).decode() == said("alice 0")

    run(call)
    assert [record.message for record in caplog.records if record.name == "core.producer"] == [
        "Live parts of pages stand still"
    ]
