"""Nothing inline, anywhere: the policy would refuse it, and a hostile text would hide in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

from tests.interface.pages import Tag, tags_of

ADDRESSES = {"href", "src", "action", "formaction", "xlink:href", "hx-get", "hx-post"}
# A filter stands right behind its event: “keyup[key=='Enter']”. A selector may have brackets.
TRIGGER_FILTER = re.compile(r"(^|,)\s*[\w:.-]+\[")
DATA = {"application/json"}
DJANGO_TAGS = re.compile(r"{%.*?%}|{#.*?#}|{{.*?}}", re.S)
HEADERS_NEED_JAVASCRIPT = re.compile(r"^\s*(js|javascript):")


def wrongs(tag: Tag) -> list[str]:
    """Return what is inline about a tag."""
    found = []
    if tag.name == "style":
        found.append("a <style>")
    is_data = tag.attributes.get("type") in DATA
    if tag.name == "script" and "src" not in tag.attributes and not is_data:
        found.append("an inline script")
    for name, value in tag.attributes.items():
        if name == "style":
            found.append("a style attribute")
        if name.startswith(("on", "hx-on", "data-hx-on", "x-", "@", ":")):
            found.append(f"a handler, {name}")
        if name in ADDRESSES and value.strip().lower().startswith("javascript:"):
            found.append(f"javascript in {name}")
        if name in {"hx-vals", "hx-headers"} and HEADERS_NEED_JAVASCRIPT.search(value):
            found.append(f"javascript in {name}")
        if name == "hx-trigger" and TRIGGER_FILTER.search(value):
            found.append("a trigger filter")
    return found


def all_wrongs(tags: list[Tag]) -> list[str]:
    return [f"{tag}: {wrong}" for tag in tags for wrong in wrongs(tag)]


@pytest.mark.parametrize(
    ("html", "count"),
    [
        ("<p class='x' id='onset'>on</p><script src='/a.js'></script>", 0),
        ("<script type='application/json'>{}</script>", 0),
        ("<input hx-trigger='input changed delay:200ms from:find input[type=search]'>", 0),
        ('<div hx-vals=\'{"a": "js:1"}\'></div>', 0),
        ("<p style='color: red'></p>", 1),
        ("<style>p { color: red }</style>", 1),
        ("<script>alert(1)</script>", 1),
        ("<script type='module'>alert(1)</script>", 1),
        ("<button onclick='x()' hx-on:click='x()' hx-on--load='x()'></button>", 3),
        ("<a href=' JavaScript:x()'>x</a>", 1),
        ("<div hx-vals='js:{a: 1}'></div>", 1),
        ("<input hx-trigger='change, keyup[key==13]'>", 1),
    ],
)
def test_the_guard_tells_inline_code_from_other(html: str, count: int) -> None:
    assert len(all_wrongs(tags_of(html, "test"))) == count


def test_no_template_has_anything_inline() -> None:
    root = Path(settings.BASE_DIR, "templates")
    files = sorted(root.rglob("*.html"))
    tags = [
        tag
        for file in files
        for tag in tags_of(DJANGO_TAGS.sub("", file.read_text()), str(file.relative_to(root)))
    ]

    assert len(files) > 30  # or the guard looks in the wrong place
    assert all_wrongs(tags) == []


@pytest.mark.django_db
def test_no_page_has_anything_inline(pages: dict[str, str]) -> None:
    tags = [tag for address, html in pages.items() for tag in tags_of(html, address)]

    assert len(pages) > 40
    assert all_wrongs(tags) == []
