"""A colour of one's own, made readable: values in, values out.

Contrast is WCAG 2's. The hue and the saturation are kept; only the lightness (of HSL) moves, and
no further than it must.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

TEXT_RATIO: Final = 4.5  # WCAG 2 AA, text
SEEN_RATIO: Final = 2.8  # of a button or a switch on a dark ground; the least of the ten accents
_WHITE: Final = "#ffffff"
# The grounds of `tokens.css` that stand closest to the text on them, with the tinted one of
# badges and of the current entry left to them: 12 % of the colour itself.
_LIGHT_GROUND: Final = "#eff0f3"  # --hover, light
_LIGHT_SURFACE: Final = "#ffffff"
_DARK_GROUND: Final = "#1f2024"  # --hover, dark
_DARK_SURFACE: Final = "#141519"
_SOFT: Final = 0.12  # --brand-soft: this share of --brand-text in --surface
_STEPS: Final = 512  # of lightness; finer than the 256 of a channel


@dataclass(frozen=True, slots=True)
class Accent:
    """The three values of an accent, as `#rrggbb`."""

    brand: str
    text_light: str
    text_dark: str


@lru_cache(maxsize=1_024)
def readable(colour: str) -> Accent:
    """Return the accent nearest to `colour` (#rrggbb) that can be read wherever it stands.

    White on `brand` reaches 4.5:1, `brand` stands out from dark surfaces, and each text colour
    reaches 4.5:1 on the surfaces of its scheme, on the hover colour, and on the soft ground made of
    itself.
    """
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise ValueError(f"“{colour}” is not a colour such as #3b82f6.")
    colour = colour.lower()
    brand = _walk(colour, -1, lambda each: contrast(_WHITE, each) >= TEXT_RATIO)
    brand = _walk(brand, +1, lambda each: contrast(each, _DARK_GROUND) >= SEEN_RATIO)
    return Accent(
        brand=brand,
        text_light=_walk(colour, -1, _reads_on(_LIGHT_GROUND, _LIGHT_SURFACE)),
        text_dark=_walk(colour, +1, _reads_on(_DARK_GROUND, _DARK_SURFACE)),
    )


def stylesheet(colour: str) -> str:
    """Return the rule that gives `data-accent="own"` its values. In no layer, so it wins."""
    accent = readable(colour)
    return (
        '[data-accent="own"]{'
        f"--brand:{accent.brand};"
        f"--brand-text:light-dark({accent.text_light},{accent.text_dark})"
        "}\n"
    )


def contrast(one: str, other: str) -> float:
    """Return the ratio of two colours, from 1 to 21 (WCAG 2)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def mixed(share: float, colour: str, ground: str) -> str:
    """Return `share` of `colour` in `ground`, as `color-mix(in srgb, …)` does."""
    pairs = zip(_channels(colour), _channels(ground), strict=True)
    return _hex(*(share * one + (1 - share) * other for one, other in pairs))


def _reads_on(ground: str, surface: str) -> Callable[[str], bool]:
    def is_enough(colour: str) -> bool:
        soft = mixed(_SOFT, colour, surface)
        return all(contrast(colour, each) >= TEXT_RATIO for each in (ground, surface, soft))

    return is_enough


def _walk(colour: str, direction: int, is_enough: Callable[[str], bool]) -> str:
    """Return the first colour from `colour` towards black (-1) or white (+1) that is enough."""
    if is_enough(colour):
        return colour
    hue, start, saturation = colorsys.rgb_to_hls(*_channels(colour))
    end = 1.0 if direction > 0 else 0.0
    for step in range(1, _STEPS + 1):
        lightness = start + (end - start) * step / _STEPS
        found = _hex(*colorsys.hls_to_rgb(hue, lightness, saturation))
        if is_enough(found):
            return found
    raise ValueError(f"No colour of the hue of {colour} can be read.")  # black and white always can


def _luminance(colour: str) -> float:
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4
        for each in _channels(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return red, green, blue


def _hex(*channels: float) -> str:
    return "#" + "".join(f"{round(each * 255):02x}" for each in channels)
