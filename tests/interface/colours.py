"""What `tokens.css` says, and how well its colours stand out from one another (WCAG 2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

Colour = tuple[float, float, float]  # red, green, blue; 0 to 1
SCHEMES = ("light", "dark")
_RULE = re.compile(r"([^{};]+){([^{}]*)}")
_TOKEN = re.compile(r"--([\w-]+):\s*([^;]+);")
_HEX = re.compile(r"#([0-9a-f]{6})")
_NAMED: Mapping[str, Colour] = {"black": (0.0, 0.0, 0.0), "white": (1.0, 1.0, 1.0)}


def tokens() -> dict[str, dict[str, str]]:
    """Return the tokens of each selector of `tokens.css`, by its text."""
    text = Path(settings.BASE_DIR, "static/css/tokens.css").read_text()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = text.replace("@layer tokens {", "")
    found: dict[str, dict[str, str]] = {}
    for selectors, body in _RULE.findall(text):
        for selector in selectors.split(","):
            found.setdefault(selector.strip(), {}).update(dict(_TOKEN.findall(body)))
    return found


class Palette:
    """The colours of one scheme under one accent."""

    def __init__(self, scheme: str, accent: str = "blue") -> None:
        known = tokens()
        self._values = {**known[":root"], **known[f'[data-accent="{accent}"]']}
        self._scheme = scheme

    def __getitem__(self, token: str) -> Colour:
        return self.resolve(self._values[token])

    def resolve(self, value: str) -> Colour:
        """Return what a CSS value of ours is: hex, var(), light-dark() or color-mix()."""
        value = value.strip()
        if value in _NAMED:
            return _NAMED[value]
        if found := _HEX.fullmatch(value):
            number = int(found[1], 16)
            return (number >> 16) / 255, (number >> 8 & 255) / 255, (number & 255) / 255
        if found := re.fullmatch(r"var\(--([\w-]+)\)", value):
            return self[found[1]]
        if found := re.fullmatch(r"light-dark\(([^,]+), ([^,]+)\)", value):
            return self.resolve(found[1 + SCHEMES.index(self._scheme)])
        if found := re.fullmatch(r"color-mix\(in srgb, (\S+) (\d+)%, (\S+)\)", value):
            return mixed(self.resolve(found[1]), int(found[2]), self.resolve(found[3]))
        raise ValueError(f"{value} is no colour that this test can read.")


def mixed(colour: Colour, percent: float, ground: Colour) -> Colour:
    share = percent / 100
    red, green, blue = (a * share + b * (1 - share) for a, b in zip(colour, ground, strict=True))
    return red, green, blue


def contrast(first: Colour, second: Colour) -> float:
    """Return the ratio of WCAG 2, from 1 to 21."""
    dark, light = sorted((_luminance(first), _luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
