"""What pages are made of besides templates: the font, files of packages, one style sheet."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage
from django.core.management import call_command
from django.template import Context, Template
from django.test import Client
from fontTools.ttLib import TTFont

from core import assets, health
from core.finders import SERVED, PackageFinder
from core.manifest import GROUND
from core.storage import Joined
from tests.interface.colours import tokens

LINKS = "{% load assets %}{% font_links %}"


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.ASSETS_DIR = tmp_path
    return tmp_path


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def distribution(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(assets, "distribution", distribution)


def test_the_font_is_made_once(folder: Path) -> None:
    assert not assets.is_current()

    first, again = assets.build(), assets.build()

    assert first == (True, "")
    assert again == (False, "")
    assert assets.is_current()
    assert 'url("inter.woff2")' in (folder / assets.FONT_FACE).read_text()


def test_the_font_aligns_digits_and_nothing_else(folder: Path) -> None:
    assets.build()
    font = TTFont(folder / assets.FONT)

    table = font["GSUB"].table
    features = {record.FeatureTag: record.Feature for record in table.FeatureList.FeatureRecord}
    aligned = {
        glyph
        for index in features["tnum"].LookupListIndex
        for part in table.LookupList.Lookup[index].SubTable
        for glyph in getattr(part, "ExtSubTable", part).mapping
    }

    assert {"tnum", "calt", "case"} <= set(features)
    assert aligned == {font.getBestCmap()[ord(digit)] for digit in "0123456789"}
    assert [axis.axisTag for axis in font["fvar"].axes] == ["opsz", "wght"]
    assert {ord(letter) for letter in "Aåß€→…“”"} <= set(font.getBestCmap())


def test_a_font_that_this_code_would_not_make_is_made_again(folder: Path) -> None:
    assets.build()
    (folder / assets.FONT_FACE).write_text("/* Inter 3 */")

    assert not assets.is_current()
    assert assets.build() == (True, "")
    assert assets.is_current()


@pytest.mark.usefixtures("no_package")
def test_without_the_package_a_note_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("build_assets")

    assert "fontpkg-inter is not installed; pages use the system" in capsys.readouterr().out
    assert assets.is_current()  # there is nothing to mend
    assert not list(folder.iterdir())


def test_pages_link_to_the_font_only_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "has_font", lambda: False)
    without = Template(LINKS).render(Context())
    monkeypatch.setattr(assets, "has_font", lambda: True)

    assert without == ""
    assert 'rel="preload" as="font"' in Template(LINKS).render(Context())


@pytest.mark.django_db
def test_the_doctor_misses_the_font(folder: Path) -> None:
    missing = health.examine()["static files"]
    assets.build()

    assert missing.level == health.Level.WARNING
    assert health.examine()["static files"].level == health.Level.OK


def test_plotly_is_served_from_its_package() -> None:
    found = finders.find("vendor/plotly.min.js")

    assert found is not None
    assert Path(found).parts[-3:] == ("plotly", "package_data", "plotly.min.js")
    assert [name for name, _ in PackageFinder().list(None)] == list(SERVED)


@pytest.mark.parametrize(
    "name",
    ["vendor/widgetbundle.js", "vendor/../vendor/plotly.min.js", "plotly/package_data/x", "vendor"],
)
def test_nothing_else_of_a_package_is_served(name: str) -> None:
    assert PackageFinder().find(name) == []
    with pytest.raises(FileNotFoundError):
        PackageFinder.storage.path(name)


def test_a_style_sheet_is_joined_with_what_it_imports() -> None:
    storage = InMemoryStorage()
    for name, text in {
        "css/app.css": '@import "base.css";\n@import "parts/a.css" layer(parts);\n',
        "css/base.css": "p { margin: 0 }\n",
        "css/parts/a.css": '@import "b.css";\na { color: red }\n',
        "css/parts/b.css": "b { color: blue }\n",
    }.items():
        storage.save(name, ContentFile(text.encode()))

    joined = Joined(storage).open("css/app.css").read().decode()

    whole = " ".join(joined.split())
    assert whole == "p { margin: 0 } @layer parts { b { color: blue } a { color: red } }"


@pytest.mark.django_db
def test_anybody_may_read_the_manifest() -> None:
    answer = Client().get("/manifest.webmanifest")

    manifest = answer.json()
    assert answer["Content-Type"] == "application/manifest+json"
    assert manifest["start_url"] == manifest["scope"] == "/"
    assert manifest["icons"] == [
        {"src": "/static/icon.svg", "sizes": "any", "type": "image/svg+xml"}
    ]


def test_the_manifest_has_the_ground_of_the_pages() -> None:
    assert f"({GROUND}," in tokens()[":root"]["bg"]
