"""What the checks of `doctor` find, for staff who look at the overview."""

from __future__ import annotations

import time

from core import health
from core.health import Finding, Level

KEPT_S = 60.0  # a dozen queries; trouble that matters sooner is part of the condition
TOLD_ELSEWHERE = frozenset({"engine", "jobs", "migrations", "providers", "providers' circuits"})

_kept: tuple[float, list[Finding]] | None = None


def unwell() -> list[Finding]:
    """Return what is not well, the worst first, at most `KEPT_S` old in this process."""
    global _kept  # noqa: PLW0603  one per process is the point
    now = time.monotonic()
    if _kept is not None and now - _kept[0] < KEPT_S:
        return _kept[1]
    found = [
        finding
        for finding in health.examine(without=TOLD_ELSEWHERE).values()
        if finding.level != Level.OK
    ]
    found.sort(key=lambda finding: finding.level != Level.RED)
    _kept = (now, found)
    return found


def forget() -> None:
    """Have this process look again at once."""
    global _kept  # noqa: PLW0603
    _kept = None
