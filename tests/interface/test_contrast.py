"""Every pair of colours that pages put together, recomputed from `tokens.css`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

from preferences.models import ThemePreference
from tests.interface.colours import SCHEMES, Palette, contrast, mixed

TEXT, GRAPHICS = 4.5, 3.0  # WCAG 2, levels AA
GROUNDS = ("bg", "surface", "sunken", "raised", "hover")
TONES = ("success", "warning", "danger", "info", "neutral")
ACCENTS = ThemePreference.Accent.values
CHARTS = [f"c{number}" for number in range(1, 9)]
WHITE = (1.0, 1.0, 1.0)


def ink_of(tone: str) -> str:
    return "text-2" if tone == "neutral" else f"{tone}-text"


def badge_percent() -> int:
    """Return how much of its tone a badge's ground has, as its style sheet says."""
    css = Path(settings.BASE_DIR, "static/css/parts/data.css").read_text()
    found = re.search(r"\.badge {[^}]*color-mix\(in srgb, var\(--tone[^%]* (\d+)%", css)
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize(
    ("first", "second", "ratio"),
    [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48), ("#0000ff", "#ffffff", 8.59)],
)
def test_the_formula_is_that_of_wcag(first: str, second: str, ratio: float) -> None:
    palette = Palette("light")

    found = contrast(palette.resolve(first), palette.resolve(second))

    assert found == pytest.approx(ratio, abs=0.01)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("ground", GROUNDS)
class TestOnEveryGround:
    @pytest.mark.parametrize("ink", ["text", "text-2", "text-3"])
    def test_text_is_readable(self, scheme: str, ground: str, ink: str) -> None:
        palette = Palette(scheme)

        assert contrast(palette[ink], palette[ground]) >= TEXT

    @pytest.mark.parametrize("accent", ACCENTS)
    def test_links_and_focus_rings_stand_out(self, scheme: str, ground: str, accent: str) -> None:
        palette = Palette(scheme, accent)

        assert contrast(palette["brand-text"], palette[ground]) >= TEXT
        assert contrast(palette["ring"], palette[ground]) >= GRAPHICS

    def test_borders_of_inputs_are_seen(self, scheme: str, ground: str) -> None:
        palette = Palette(scheme)

        assert contrast(palette["line-strong"], palette[ground]) >= GRAPHICS

    @pytest.mark.parametrize("tone", TONES)
    def test_dots_and_bars_are_seen(self, scheme: str, ground: str, tone: str) -> None:
        palette = Palette(scheme)

        assert contrast(palette[tone], palette[ground]) >= GRAPHICS

    @pytest.mark.parametrize("tone", TONES)
    def test_words_of_a_tone_are_readable(self, scheme: str, ground: str, tone: str) -> None:
        palette = Palette(scheme)

        assert contrast(palette[ink_of(tone)], palette[ground]) >= TEXT


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("tone", TONES)
def test_a_badge_is_readable(scheme: str, tone: str) -> None:
    palette = Palette(scheme)

    ground = mixed(palette[tone], badge_percent(), palette["surface"])

    assert contrast(palette[ink_of(tone)], ground) >= TEXT


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("accent", ACCENTS)
def test_an_accent_carries_its_text(scheme: str, accent: str) -> None:
    palette = Palette(scheme, accent)

    assert contrast(WHITE, palette["brand"]) >= TEXT
    assert contrast(WHITE, palette.resolve("color-mix(in srgb, var(--brand) 88%, black)")) >= TEXT
    assert contrast(palette["brand-text"], palette["brand-soft"]) >= TEXT
    assert contrast(palette["text"], palette["brand-soft"]) >= TEXT


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("series", CHARTS)
def test_a_chart_is_seen_and_its_labels_are_readable(scheme: str, series: str) -> None:
    palette = Palette(scheme)
    soft = mixed(palette[series], 22, palette["surface"])

    assert contrast(palette[series], palette["surface"]) >= GRAPHICS
    assert contrast(palette["text"], soft) >= TEXT


def test_the_figures_of_the_guide_hold() -> None:
    light, dark = Palette("light"), Palette("dark")

    def both(ink: str, ground: str) -> tuple[float, float]:
        return tuple(round(contrast(each[ink], each[ground]), 2) for each in (light, dark))  # type: ignore[return-value]

    assert both("text-3", "hover") == (5.05, 5.34)
    assert both("line-strong", "hover") == (3.07, 3.32)
    assert both("success", "surface") == (3.67, 7.25)
    assert both("brand-text", "hover") == (5.58, 7.84)
