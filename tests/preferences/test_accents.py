from __future__ import annotations

import colorsys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from preferences import accents

COLOURS = st.integers(0, 0xFFFFFF).map("#{:06x}".format)
GROUNDS = {"light": ("#ffffff", "#eff0f3"), "dark": ("#141519", "#1f2024")}  # --surface, --hover


@given(COLOURS)
@example("#000000")
@example("#ffffff")
@example("#ffff00")
@example("#0000ff")
@example("#00ff00")
def test_every_colour_ends_up_readable(colour: str) -> None:
    accent = accents.readable(colour)

    assert accents.contrast("#ffffff", accent.brand) >= 4.5
    for text, (surface, hover) in zip(
        (accent.text_light, accent.text_dark), GROUNDS.values(), strict=True
    ):
        soft = accents.mixed(0.12, text, surface)
        assert min(accents.contrast(text, each) for each in (surface, hover, soft)) >= 4.5


@given(COLOURS)
def test_a_colour_keeps_its_hue(colour: str) -> None:
    hue, lightness, saturation = hls(colour)
    if saturation < 0.2 or not 0.1 < lightness < 0.9:
        return  # so near to grey that eight bits a channel cannot say

    brand = accents.readable(colour).brand

    away = abs(hls(brand)[0] - hue)
    assert min(away, 1 - away) < 0.02


def test_a_colour_that_can_be_read_stays() -> None:
    assert accents.readable("#006BD0").brand == "#006bd0"


@given(COLOURS)
@example("#000000")
def test_a_button_stands_out_from_a_dark_page(colour: str) -> None:
    brand = accents.readable(colour).brand

    assert accents.contrast(brand, GROUNDS["dark"][1]) >= 2.8
    assert accents.contrast(brand, "#ffffff") >= 4.5


@pytest.mark.parametrize(("one", "ratio"), [("#000000", 21.0), ("#ffffff", 1.0), ("#767676", 4.54)])
def test_contrast_is_that_of_wcag(one: str, ratio: float) -> None:
    assert round(accents.contrast(one, "#ffffff"), 2) == ratio


@pytest.mark.parametrize("colour", ["", "3b82f6", "#3b82f", "#3b82fg", "#3b82f6;}", "red"])
def test_what_is_no_colour_is_refused(colour: str) -> None:
    with pytest.raises(ValueError, match="not a colour"):
        accents.readable(colour)


def test_the_stylesheet_holds_the_three_values() -> None:
    css = accents.stylesheet("#3b82f6")

    accent = accents.readable("#3b82f6")
    assert f"--brand:{accent.brand};" in css
    assert f"light-dark({accent.text_light},{accent.text_dark})" in css


def hls(colour: str) -> tuple[float, float, float]:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    return colorsys.rgb_to_hls(*channels)
