"""Where providers' keys are. Rows name them; only an adapter about to call reads one."""

from __future__ import annotations

import os

_ENV = "env:"


def is_present(key_ref: str) -> bool:
    """Say whether `key_ref` leads to a key, without reading it out."""
    return bool(reveal(key_ref))


def reveal(key_ref: str) -> str:
    """Return the key that `key_ref` names, or an empty string where there is none."""
    if key_ref.startswith(_ENV):
        return os.environ.get(key_ref.removeprefix(_ENV), "").strip()
    return ""
