"""Parts of pages that keep themselves current: each app names its own, in its `live.py`.

A region renders a part of a page for one person; a watcher tells, for all who look on at once,
whether anything may have changed. `core.producer` brings the two together, and `core.events`
carries the result to the browser.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from django.http import QueryDict
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules

from core.errors import DomainError

if TYPE_CHECKING:
    from accounts.models import User

MOST_PARTS = 16  # of one page
LONGEST_PART = 500  # characters of a region's name with its query
_PART = re.compile(r"[a-z][a-z_-]*(\?[\x21-\x7e]*)?")  # an event's name: one line, no blanks


class NotLive(DomainError):
    """There is no such live part."""


Render = Callable[["User", QueryDict], str]
Watch = Callable[[Collection[UUID]], Mapping[UUID, Hashable]]
WatchForAll = Callable[[], Hashable]

SomeRender = TypeVar("SomeRender", bound=Render)
SomeWatch = TypeVar("SomeWatch", bound=Watch)
SomeWatchForAll = TypeVar("SomeWatchForAll", bound=WatchForAll)


@dataclass(frozen=True)
class Region:
    render: Render
    watch: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """A region as one page shows it: with its query."""

    region: Region
    query: QueryDict


_regions: dict[str, Region] = {}
_watchers: dict[str, Watch] = {}
_watchers_for_all: dict[str, WatchForAll] = {}


def region(name: str, *, watch: str | tuple[str, ...]) -> Callable[[SomeRender], SomeRender]:
    """Register what renders the live region `name`, when one of the watchers `watch` saw a change.

    `render(user, query)` finds its rows through `visible_to(user)`, in the user's zone, and
    returns the element that the page holds, `data-live` included. It runs outside a request, so
    the template sees neither `request` nor a CSRF token. `Http404` leaves the page as it is.
    """

    def decorate(render: SomeRender) -> SomeRender:
        _regions[name] = Region(render, (watch,) if isinstance(watch, str) else watch)
        return render

    return decorate


def watcher(name: str) -> Callable[[SomeWatch], SomeWatch]:
    """Register what tells changes of owners' rows apart.

    Twice a second `watch(owner_ids)` returns a cheap fingerprint for each of the owners whose
    pages are open, by one query for all of them. It is enough that it changes whenever the rows
    do; what it is does not matter.
    """

    def decorate(watch: SomeWatch) -> SomeWatch:
        _watchers[name] = watch
        return watch

    return decorate


def watcher_for_all(name: str) -> Callable[[SomeWatchForAll], SomeWatchForAll]:
    """Register a watcher of rows without owners: it returns one fingerprint for everybody."""

    def decorate(watch: SomeWatchForAll) -> SomeWatchForAll:
        _watchers_for_all[name] = watch
        return watch

    return decorate


@watcher_for_all("minute")
def watch_minute() -> Hashable:
    """Change every minute, for what grows old without a row that changes."""
    return timezone.now().replace(second=0, microsecond=0)


def parse_parts(names: Sequence[str]) -> dict[str, Part]:
    """Return the live parts that a page names, each as “region” or “region?query”.

    Raises `NotLive` with a sentence.
    """
    _discover()
    if not names:
        raise NotLive("Name the live parts of the page: /events/?r=….")
    if len(names) > MOST_PARTS:
        raise NotLive(f"A page has at most {MOST_PARTS} live parts.")
    return {name: _parse_part(name) for name in names}


def names() -> list[str]:
    """Return what regions there are."""
    _discover()
    return sorted(_regions)


def _parse_part(name: str) -> Part:
    if len(name) > LONGEST_PART:
        raise NotLive(f"The name of a live part has at most {LONGEST_PART} characters.")
    if not _PART.fullmatch(name):
        raise NotLive(
            "The name of a live part is a word, and perhaps a query: “runs?status=failed”."
        )
    word, _, query = name.partition("?")
    if word not in _regions:
        raise NotLive(f"There is no live part “{word}”.")
    return Part(_regions[word], QueryDict(query))


def marks_of(wanted: Mapping[str, Collection[UUID]]) -> dict[tuple[str, UUID], Hashable]:
    """Ask the watchers named in `wanted` about their owners; return fingerprints by both."""
    marks: dict[tuple[str, UUID], Hashable] = {}
    for name, owner_ids in wanted.items():
        if name in _watchers_for_all:
            mark = _watchers_for_all[name]()
            marks |= {(name, owner_id): mark for owner_id in owner_ids}
        else:
            found = _watchers[name](owner_ids)
            marks |= {(name, owner_id): found.get(owner_id) for owner_id in owner_ids}
    return marks


@cache
def _discover() -> None:
    autodiscover_modules("live")
    for name, each in _regions.items():
        unknown = set(each.watch) - _watchers.keys() - _watchers_for_all.keys()
        if unknown:
            raise LookupError(
                f"The live region “{name}” watches {sorted(unknown)}, which is not there"
            )
