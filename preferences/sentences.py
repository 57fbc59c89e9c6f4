"""What is recorded of preferences, in plain words."""

from __future__ import annotations

from collections.abc import Iterable

from core.sentences import Change, sentence

LOOK = {
    "theme": "theme",
    "accent": "accent",
    "is_compact": "density",
    "is_sidebar_folded": "sidebar",
}


@sentence("preferences.saved")
def tell_saved(change: Change) -> str:
    return f"Saved preferences of {_listed(change.after)}."


@sentence("theme.saved")
def tell_theme_saved(change: Change) -> str:
    return f"Changed the look: {_listed(LOOK.get(name, name) for name in change.after)}."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
