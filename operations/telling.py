"""A run as commands print it: for programs and for people."""

from __future__ import annotations

import json
from typing import Any

from core.units import duration_ms, usd
from operations.models import Attempt, Run


def run_as_json(run: Run, attempts: list[Attempt]) -> dict[str, Any]:
    return {
        "id": run.pk,
        "operation": run.operation,
        "status": run.status,
        "result": run.result,
        "error": run.error,
        "reason": run.reason,
        "provider": run.provider,
        "model": run.model,
        "is_simulated": run.is_simulated,
        "cost_usd": run.cost_usd,
        "cost_low_usd": run.cost_low_usd,
        "cost_mid_usd": run.cost_mid_usd,
        "cost_high_usd": run.cost_high_usd,
        "latency_ms": run.latency_ms,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "attempts": [
            {
                "number": attempt.number,
                "provider": attempt.provider,
                "model": attempt.model,
                "outcome": attempt.outcome,
                "error_code": attempt.error_code,
                "error": attempt.error,
                "input_tokens": attempt.input_tokens,
                "cached_tokens": attempt.cached_tokens,
                "output_tokens": attempt.output_tokens,
                "cost_usd": attempt.cost_usd,
                "latency_ms": attempt.latency_ms,
            }
            for attempt in attempts
        ],
    }


def run_as_text(run: Run, attempts: list[Attempt]) -> str:
    lines = [
        f"Run {run.pk}: {run.operation}, {run.get_status_display().lower()}",
        f"Cost {usd(run.cost_usd)}, took {duration_ms(run.latency_ms)}",
    ]
    lines += [
        f"  {attempt.number}. {attempt.provider}:{attempt.model} {attempt.outcome}"
        f"{f' ({attempt.error_code}: {attempt.error})' if attempt.error else ''},"
        f" {usd(attempt.cost_usd)}, {duration_ms(attempt.latency_ms)}"
        for attempt in attempts
    ]
    if run.provider == "local":
        lines.append("Answered by rules, no AI model.")
    if run.is_simulated:
        lines.append("Simulated: no model was asked, and nothing was paid.")
    if run.result is not None:
        lines.append(json.dumps(run.result, indent=2, ensure_ascii=False))
    return "\n".join(lines)
