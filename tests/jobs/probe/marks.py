"""A file that the probe's processes write lines to, and the tests read."""

from __future__ import annotations

import os

from django.conf import settings


def mark(word: str) -> None:
    with (settings.VAR_DIR / "probe.log").open("a") as log:
        log.write(f"{word} {os.getpid()}\n")
