from __future__ import annotations

from django.utils import timezone

from core.health import Finding, check, ok, red
from jobs import services


@check("jobs", is_for_readiness=True)
def check_jobs() -> Finding:
    mend = "Start `manage.py worker`; if one runs, restart it: its queue is stuck."
    moved_at = services.moved_at()
    if moved_at is None:
        return red("The job queue has never moved.", mend=mend)
    silence = timezone.now() - moved_at
    says = f"The job queue moved {int(silence.total_seconds())} s ago."
    return red(says, mend=mend) if silence > services.TICK_MAY_BE_LATE else ok(says)
