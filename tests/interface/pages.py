"""Every page that can be reached by GET, for tests that ask the same of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser

from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.converters import SlugConverter, UUIDConverter

from accounts.models import User
from tests.builders import rows_of, rows_with_pages

ENDLESS = {"stream_events"}
OPERATIONS = ("email-classify", "calendar-time", "analytics-anomaly")
Entry = URLPattern | URLResolver


@dataclass(frozen=True, slots=True)
class Tag:
    name: str
    attributes: dict[str, str]
    page: str  # its address

    def __str__(self) -> str:
        return f"{self.page}: <{self.name} {self.attributes}>"


class _Reader(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page
        self.tags: list[Tag] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(Tag(tag, {name: value or "" for name, value in attrs}, self.page))


def tags_of(html: str, page: str) -> list[Tag]:
    reader = _Reader(page)
    reader.feed(html)
    return reader.tags


def addresses(owner: User) -> Iterator[str]:
    """Yield the address of every page of ours and of the administration's lists and forms."""
    rows = rows_with_pages(owner)
    for entry, converters in _entries(get_resolver().url_patterns, {}):
        if entry.name is None or entry.name in ENDLESS:
            continue
        kinds = {name: type(each) for name, each in converters.items()}
        if not kinds:
            yield reverse(entry.name)
        elif set(kinds.values()) == {UUIDConverter}:
            yield reverse(entry.name, kwargs=dict.fromkeys(kinds, rows[entry.name].pk))
        elif set(kinds.values()) == {SlugConverter}:
            for operation in OPERATIONS:
                yield reverse(entry.name, kwargs=dict.fromkeys(kinds, operation))
    yield reverse("admin:index")
    for row in [owner, *rows_of(owner)]:
        name = f"admin:{row._meta.app_label}_{row._meta.model_name}"
        assert type(row) in admin.site._registry
        yield reverse(f"{name}_changelist")
        yield reverse(f"{name}_change", args=[row.pk])
        yield reverse(f"{name}_history", args=[row.pk])


def visit(client: Client, owner: User) -> dict[str, str]:
    """Return the HTML of every page that answers `client` with one, by its address."""
    found = {}
    for address in addresses(owner):
        answer = client.get(address)
        if answer.status_code == 200 and "text/html" in answer["Content-Type"]:
            found[address] = answer.content.decode()
        else:
            assert answer.status_code < 500 or address == "/readyz", (
                f"{address}: {answer.status_code}"
            )
    return found


def _entries(
    patterns: list[Entry], converters: dict[str, object]
) -> Iterator[tuple[URLPattern, dict[str, object]]]:
    for entry in patterns:
        taken = {**converters, **entry.pattern.converters}
        if isinstance(entry, URLPattern):
            yield entry, taken
        elif entry.app_name != "admin":
            yield from _entries(entry.url_patterns, taken)
