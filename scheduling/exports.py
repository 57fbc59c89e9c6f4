"""A schedule's executions for other programs, as pages and commands give them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from core import exporting
from scheduling.models import Execution, ExecutionQuerySet

# What a row of a file says, and what of a run it is read from.
COLUMNS = (
    *("id", "status", "triggered_by", "expected_at", "started_at", "finished_at"),
    *("duration_ms", "cost_usd", "reason", "run"),
)
OF_RUNS = ("status", "reason", "error", "started_at", "finished_at", "latency_ms", "cost_usd")


def record_of(execution: Execution) -> dict[str, Any]:
    run = execution.run
    return {
        "id": execution.pk,
        "status": execution.status,
        "triggered_by": execution.triggered_by,
        "expected_at": execution.expected_at,
        "started_at": run.started_at if run else None,
        "finished_at": run.finished_at if run else None,
        "duration_ms": run.latency_ms if run else None,
        "cost_usd": run.cost_usd if run else None,
        "reason": execution.why,
        "run": execution.run_id,
    }


def pages_of(executions: ExecutionQuerySet) -> Iterator[list[dict[str, Any]]]:
    """Yield all of `executions`, the latest expected first, as records."""
    for page in rows_of(executions):
        yield [record_of(row) for row in page]


def rows_of(executions: ExecutionQuerySet) -> Iterator[list[Execution]]:
    of_runs = (f"run__{name}" for name in OF_RUNS)
    lean = executions.select_related("run").only(
        "expected_at", "triggered_by", "reason", "schedule_id", "run_id", *of_runs
    )
    return exporting.pages_of(lean, by="-expected_at")
