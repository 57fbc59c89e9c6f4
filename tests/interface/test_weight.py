"""What a page weighs over the wire: the files as `manage.py setup` compresses them."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote

import brotli
import pytest
from django.conf import settings

from core import assets
from tests.interface.pages import Tag, tags_of

CSS, JAVASCRIPT, PAGE = 10_000, 6_000, 130_000  # bytes
CHARTS = "js/charts.js"
OURS = ("css/", "js/")

pytestmark = [pytest.mark.django_db, pytest.mark.own_database]


class Built:
    """The collected files of an installation, each by its name in the source."""

    def __init__(self, var: Path) -> None:
        self._root = var / "staticfiles"
        self._names: dict[str, str] = json.loads((self._root / "staticfiles.json").read_text())[
            "paths"
        ]

    def weigh(self, name: str) -> int:
        """Return how many bytes a browser that takes brotli is sent."""
        file = self._root / self._names[name]
        compressed = file.with_name(f"{file.name}.br")
        return (compressed if compressed.is_file() else file).stat().st_size

    def text(self, name: str) -> str:
        return (self._root / self._names[name]).read_text()


@pytest.fixture(scope="module")
def built(migrated: Path) -> Built:
    return Built(migrated)


@pytest.fixture(autouse=True)
def _font_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "has_font", lambda: True)  # as it is where the pages are served


def linked(tags: list[Tag]) -> set[str]:
    """Return the static names of what a page loads before anybody does anything."""
    loads = [
        tag.attributes["href"]
        for tag in tags
        if tag.name == "link" and tag.attributes.get("rel") in {"stylesheet", "icon", "preload"}
    ]
    loads += [tag.attributes["src"] for tag in tags if "src" in tag.attributes]
    prefix = f"/{settings.STATIC_URL.strip('/')}/"
    return {unquote(each).removeprefix(prefix) for each in loads if each.startswith(prefix)}


@pytest.fixture
def loads(pages: dict[str, str]) -> dict[str, set[str]]:
    """Return what each page of ours loads, the administration's aside."""
    return {
        address: linked(tags_of(html, address))
        for address, html in pages.items()
        if not address.startswith("/admin/") and "<html" in html
    }


def test_the_pages_load_what_they_are_made_of(loads: dict[str, set[str]]) -> None:
    assert len(loads) > 10
    for names in loads.values():
        assert {"css/tokens.css", "css/app.css", "js/app.js", assets.FONT} <= names


def test_the_style_of_a_page_is_light(built: Built, loads: dict[str, set[str]]) -> None:
    for address, names in loads.items():
        styles = {name: built.weigh(name) for name in names if name.endswith(".css")}
        assert sum(styles.values()) <= CSS, (address, styles)


def test_our_javascript_is_light(built: Built, loads: dict[str, set[str]]) -> None:
    ours = {
        name: built.weigh(name)
        for name in set().union(*loads.values())
        if name.endswith(".js") and name.startswith(OURS)
    }

    assert sum(ours.values()) <= JAVASCRIPT, ours


def test_a_page_without_charts_is_light(
    built: Built, loads: dict[str, set[str]], pages: dict[str, str]
) -> None:
    for address, names in loads.items():
        if CHARTS in names:
            continue
        files = {name: built.weigh(name) for name in names}
        html = len(brotli.compress(pages[address].encode(), quality=4))
        assert html + sum(files.values()) <= PAGE, (address, html, files)


def test_one_style_sheet_holds_what_the_source_imports(built: Built) -> None:
    whole = built.text("css/app.css")

    assert "@import" not in whole
    assert "@layer parts {" in whole
    assert ".btn {" in whole


def test_plotly_comes_from_its_package_compressed(built: Built) -> None:
    assert built.weigh("vendor/plotly.min.js") < 1_400_000
    assert not list(Path(settings.BASE_DIR, "static").rglob("plotly*"))


def test_the_font_is_small(built: Built) -> None:
    assert built.weigh(assets.FONT) < 60_000
