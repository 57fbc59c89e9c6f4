"""What must hold before Helix starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage

from jobs import registry


def check_intervals(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse an interval for a job that is none: it would change nothing, silently."""
    known = registry.periodic_names()
    return [
        checks.Error(
            f"HELIX_JOB_INTERVALS names “{name}”, which is no periodic job.",
            hint=f"Choose from {', '.join(known)}.",
            id="jobs.E001",
        )
        for name in settings.HELIX_JOB_INTERVALS
        if name not in known
    ]
