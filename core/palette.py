"""The command palette: pages, rows and actions by a few letters of their name.

Each app names what it has in its `palette.py`. A source is asked at each pause in somebody's
typing, so it reads a bounded number of rows, and only those the person may see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from django.http import HttpResponse
from django.utils.module_loading import autodiscover_modules
from django.views.decorators.http import require_GET

from core.http import UserRequest, render_page, text_of

if TYPE_CHECKING:
    from accounts.models import User

LONGEST_TEXT = 100
MOST = 6  # rows of one source


@dataclass(frozen=True)
class Option:
    """Something to go to; or, with `look`, a (name, value) of how pages look to choose."""

    label: str
    url: str
    icon: str
    note: str = ""
    look: tuple[str, str] | None = None


@dataclass(frozen=True)
class Group:
    title: str
    options: Sequence[tuple[str, Option]]  # the element's id, and what it stands for


Find = Callable[["User", str], Iterable[Option]]
SomeFind = TypeVar("SomeFind", bound=Find)

_sources: list[tuple[int, str, Find]] = []


def source(title: str, *, order: int) -> Callable[[SomeFind], SomeFind]:
    """Register `find(user, text)`, which returns the options under `title` that answer `text`.

    `text` is "" where nothing was typed yet: what is worth offering then. Groups stand in the
    order of `order`; sources of one title share a group.
    """

    def decorate(find: SomeFind) -> SomeFind:
        _sources.append((order, title, find))
        return find

    return decorate


def answering(text: str, options: Iterable[Option]) -> list[Option]:
    """Return those of `options` that hold every word of `text`."""
    words = text.lower().split()
    return [
        option
        for option in options
        if all(word in f"{option.label} {option.note}".lower() for word in words)
    ]


def search(user: User, text: str) -> list[Group]:
    """Ask every source; return the groups that have something, what begins with `text` first."""
    _discover()
    found: dict[str, list[Option]] = {}
    for _, title, find in sorted(_sources, key=lambda each: each[0]):
        found.setdefault(title, []).extend(find(user, text))
    for options in found.values():
        options.sort(key=lambda option: not option.label.lower().startswith(text.lower()))
    number = count()
    return [
        Group(title, [(f"palette-{next(number)}", option) for option in options])
        for title, options in found.items()
        if options
    ]


@cache
def _discover() -> None:
    autodiscover_modules("palette")


@require_GET
def open_palette(request: UserRequest) -> HttpResponse:
    text = text_of(request.GET, "q", longest=LONGEST_TEXT)
    context = {"text": text, "groups": search(request.user, text), "longest": LONGEST_TEXT}
    parts = {"palette-body", "palette-options"}
    return render_page(request, "core/palette.html", context, partials=parts)
