"""The one thread of a process that keeps its open pages current.

Twice a second it asks the watchers which of the listening owners' rows changed, renders what those
owners look at, once however many tabs show it, and hands it to their streams.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import InterfaceError, OperationalError, connections
from django.http import Http404
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from core import live

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)

EVERY_S = 0.5  # between two looks
REST_S = 0.1  # after a long one: pages are answered by this process, too
BREATH_S = 15.0  # of silence, after which a line is sent: proxies close what says nothing
SIGN_INS_EVERY_S = 5.0  # while there is nothing to send; each sending looks first
RETRY_MS = 2_000  # until a browser whose stream broke asks again

MOST_STREAMS = 60  # open pages of one person, in one process
MOST_TOPICS = 120  # different parts on them: some 20 ms of rendering each, by one thread for all

OPENING = f"retry: {RETRY_MS}\n\n".encode()
BREATH = b":\n\n"
SIGNED_OUT = b"event: signed-out\ndata:\n\n"  # no region may be called so: `live.js` gives up

_LINE_END = re.compile(r"\r\n|\r|\n")

Topic = tuple[UUID, str]  # whose, and what: a fragment never leaves its owner


@dataclass(frozen=True)
class SignIn:
    """Who opened a stream, and the session that must last for as long as it does."""

    user_id: UUID
    session_key: str
    session_hash: str


class Listener:
    """One open page: what it shows, and what is on its way to it.

    The producer's thread gives, the event loop takes. Of each part only the newest waits, so a
    reader who is slow, or gone without a word, costs no more than one fragment a part.
    """

    def __init__(self, sign_in: SignIn, parts: Mapping[str, live.Part]) -> None:
        self.sign_in = sign_in
        self.parts = parts
        self.shown: dict[str, int] = {}  # the producer's: hash of what was sent last
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._waiting: dict[str, bytes] = {}
        self._is_over = False

    def give(self, name: str, frame: bytes) -> None:
        self._in_loop(self._take, name, frame)

    def end(self, last: bytes = b"") -> None:
        """Close the stream, after saying `last`."""
        self._in_loop(self._finish, last)

    def _in_loop(self, call: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:  # the loop has closed, and the stream with it
            logger.debug("A stream was gone before its news came")

    def _take(self, name: str, frame: bytes) -> None:
        self._waiting[name] = frame
        self._news.set()

    def _finish(self, last: bytes) -> None:
        self._waiting = {"": last}
        self._is_over = True
        self._news.set()

    async def frames(self) -> AsyncIterator[bytes]:
        """Yield what is to be sent, until the stream ends."""
        yield OPENING
        while not self._is_over:
            try:
                async with asyncio.timeout(BREATH_S):
                    await self._news.wait()
            except TimeoutError:
                yield BREATH
                continue
            self._news.clear()
            frames, self._waiting = self._waiting, {}
            if data := b"".join(frames.values()):
                yield data


def encode(name: str, html: str) -> bytes:
    """Return `html` as the event `name`; a browser joins the lines again."""
    data = "".join(f"data: {line}\n" for line in _LINE_END.split(html.strip()))
    return f"event: {name}\n{data}\n".encode()


class Producer:
    """Runs while somebody listens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = threading.Event()
        self._listeners: set[Listener] = set()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        # From here on the thread's own.
        self._seen: dict[Topic, Hashable] = {}
        self._look_at_sign_ins_at = 0.0
        self._is_failing = False

    async def stream(self, sign_in: SignIn, parts: Mapping[str, live.Part]) -> AsyncIterator[bytes]:
        """Yield the events of one page until it is closed, its reader signs out, or we stop."""
        listener = Listener(sign_in, parts)
        self._join(listener)
        try:
            async for frame in listener.frames():
                yield frame
        finally:
            self._leave(listener)

    def is_too_much(self, user_id: UUID, names: Iterable[str]) -> bool:
        """Tell whether one more page of a person, with the parts `names`, is one too many.

        Each part is rendered once however many pages show it, so different ones are what costs.
        Pages that open at the same moment do not count one another.
        """
        with self._lock:
            theirs = [each for each in self._listeners if each.sign_in.user_id == user_id]
        topics = set(names).union(*(each.parts for each in theirs))
        return len(theirs) >= MOST_STREAMS or len(topics) > MOST_TOPICS

    def close(self) -> None:
        """End every stream, and refuse new ones: the process stops. Browsers ask again later."""
        with self._lock:
            self._is_closed = True
            for listener in self._listeners:
                listener.end()

    def _join(self, listener: Listener) -> None:
        with self._lock:
            if self._is_closed:
                listener.end()
                return
            self._listeners.add(listener)
            self._left.clear()
            if self._thread is None:
                self._thread = threading.Thread(target=self._produce, name="live", daemon=True)
                self._thread.start()

    def _leave(self, listener: Listener) -> None:
        with self._lock:
            self._listeners.discard(listener)
            if not self._listeners:
                self._left.set()

    def _produce(self) -> None:
        while True:
            with self._lock:
                listeners = list(self._listeners)
                if not listeners:
                    self._thread = None
                    return
            begun = time.monotonic()
            try:
                self.look(listeners)
                self._is_failing = False
            except Exception:
                if not self._is_failing:  # once, not twice a second; the next round may do better
                    logger.exception("Live parts of pages stand still")
                self._is_failing = True
            finally:
                connections.close_all()
            took = time.monotonic() - begun
            self._left.wait(max(EVERY_S - took, REST_S))

    def look(self, listeners: Collection[Listener]) -> None:
        """Ask once what has changed, and send it. Every query of a round is made here."""
        topics: dict[Topic, list[Listener]] = defaultdict(list)
        for listener in listeners:
            for name in listener.parts:
                topics[listener.sign_in.user_id, name].append(listener)
        marks = _marks(topics)
        due = [
            topic
            for topic, tabs in topics.items()
            if marks[topic] != self._seen.get(topic)
            or any(topic[1] not in tab.shown for tab in tabs)  # new here: it may show what is past
        ]
        if not due and time.monotonic() < self._look_at_sign_ins_at:
            return
        readers = self._readers(listeners)
        for topic in due:
            tabs = [tab for tab in topics[topic] if tab in readers]
            if tabs:
                _send(topic[1], readers[tabs[0]], tabs)
        self._seen = marks

    def _readers(self, listeners: Collection[Listener]) -> dict[Listener, User]:
        """Return who reads which stream; end those whose reader is no longer signed in.

        Two queries, however many there are.
        """
        self._look_at_sign_ins_at = time.monotonic() + SIGN_INS_EVERY_S
        user_ids = {listener.sign_in.user_id for listener in listeners}
        keys = {listener.sign_in.session_key for listener in listeners}
        users = {
            user.pk: user
            for user in get_user_model()._default_manager.filter(pk__in=user_ids, is_active=True)
        }
        sessions = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
        open_keys = set(sessions.values_list("session_key", flat=True))
        hashes = {user_id: user.get_session_auth_hash() for user_id, user in users.items()}
        readers: dict[Listener, User] = {}
        for listener in listeners:
            of = listener.sign_in
            if (
                of.session_key in open_keys
                and of.user_id in users
                and constant_time_compare(of.session_hash, hashes[of.user_id])
            ):
                readers[listener] = users[of.user_id]
            else:
                listener.end(SIGNED_OUT)
                self._leave(listener)
        return readers


def _marks(topics: Mapping[Topic, list[Listener]]) -> dict[Topic, Hashable]:
    """Return what the watchers of each topic say about its owner now."""
    wanted: dict[str, set[UUID]] = defaultdict(set)
    watches: dict[Topic, tuple[str, ...]] = {}
    for topic, tabs in topics.items():
        watches[topic] = tabs[0].parts[topic[1]].region.watch
        for watch in watches[topic]:
            wanted[watch].add(topic[0])
    found = live.marks_of(wanted)
    return {
        topic: tuple(found[watch, topic[0]] for watch in names) for topic, names in watches.items()
    }


def _send(name: str, reader: User, tabs: Iterable[Listener]) -> None:
    """Render a part for its one reader, and give it to those of the tabs that show another."""
    part = next(iter(tabs)).parts[name]
    html = _render(name, part, reader)
    version = hash(html)
    frame = b"" if html is None else encode(name, html)
    for tab in tabs:
        if frame and tab.shown.get(name) != version:
            tab.give(name, frame)
        tab.shown[name] = version


def _render(name: str, part: live.Part, reader: User) -> str | None:
    """Return the part as `reader` sees it now; None where there is nothing to show."""
    try:
        with timezone.override(ZoneInfo(reader.zone)):
            return part.region.render(reader, part.query)
    except Http404:
        return None
    except (OperationalError, InterfaceError):  # the database is away, for all of them
        raise
    except Exception:  # one part that breaks must not stop the others
        logger.exception("The live part “%s” could not be rendered", name)
        return None


producer = Producer()
