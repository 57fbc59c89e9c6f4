"""What is recorded of the look, in plain words. Preferences of operations: `operations`."""

from __future__ import annotations

from core.sentences import Change, sentence

LOOK = {
    "theme": "theme",
    "accent": "accent",
    "is_compact": "compact rows",
    "is_sidebar_folded": "folded sidebar",
}


@sentence("theme.saved")
def tell_theme_saved(change: Change) -> str:
    words = {name: LOOK.get(name, name) for name in sorted(change.after)}
    changed = change.differences(words) if change.before else sorted(words.values())
    return f"Changed the look: {'; '.join(changed or sorted(words.values()))}."
