"""The Chromium of this machine, for browser tests and pictures; none is downloaded."""

from __future__ import annotations

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")
WHERE = f"set HELIX_CHROMIUM or install one of: {', '.join(NAMES)}"
# As root Chromium refuses its own sandbox; the rest keeps it from asking the network for anything.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    """Return its path: HELIX_CHROMIUM, else the first on PATH."""
    given = os.environ.get("HELIX_CHROMIUM", "")
    return next(filter(None, map(shutil.which, [given] if given else NAMES)), None)
