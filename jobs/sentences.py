"""What is recorded of jobs, in plain words."""

from __future__ import annotations

from core.sentences import Change, sentence


@sentence("job.started_by_hand")
def tell_started(change: Change) -> str:
    return f"Started the job “{change.told('job')}” by hand."
