"""What the tests of the pages share."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from operations.models import Run
from scheduling.models import Execution, Schedule
from tests.scheduling.builders import OPERATION, TASKS

HOSTILE = "<script>alert(1)</script>\"'&amp;{{ 7 }}"
LIST = "/schedules/"
NEW = "/schedules/new/"
PREVIEW = "/schedules/preview/"
HTMX = {"HX-Request": "true"}


def asking_for(part: str) -> dict[str, str]:
    return {**HTMX, "HX-Target": part}


def text_of(response: Any) -> str:
    """Return the words of a page, without its tags, one space apart."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", response.content.decode(), flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def page_of(schedule: Schedule, verb: str = "") -> str:
    return f"/schedules/{schedule.pk}/{f'{verb}/' if verb else ''}"


def make_execution(
    schedule: Schedule,
    *,
    status: str = Run.Status.SUCCESS,
    at: datetime | None = None,
    trigger: str = "cron",
    cost_usd: Decimal | None = Decimal("0.5"),
    latency_ms: int | None = 2_000,
    **fields: Any,
) -> Execution:
    """Return a saved answer to a fire; “skipped” has a reason and no run."""
    at = at or timezone.now() - timedelta(hours=1)
    if status == Execution.SKIPPED:
        return Execution.objects.create(
            schedule=schedule,
            expected_at=at,
            triggered_by=trigger,
            reason=fields.pop("reason", "The run before had not ended."),
            created_at=at,
        )
    run = Run.objects.create(
        owner=schedule.owner,
        operation=schedule.operation,
        origin=trigger,
        status=status,
        created_at=at,
        started_at=at,
        finished_at=at + timedelta(seconds=3) if status in Run.FINAL else None,
        latency_ms=latency_ms if status in Run.FINAL else None,
        cost_usd=cost_usd if status in Run.FINAL else None,
        **fields,
    )
    return Execution.objects.create(
        schedule=schedule, expected_at=at, triggered_by=trigger, run=run, created_at=at
    )


def posted(**changes: Any) -> dict[str, Any]:
    """Return what the form of a new schedule posts, changed by `changes`."""
    return {
        "name": "Morning tasks",
        "operation": OPERATION,
        "parameters_of": OPERATION,
        "type": "cron",
        "expression": "0 6 * * *",
        "zone": "Europe/Berlin",
        "priority": "5",
        "gap": "first_valid",
        "overlap": "first",
        "parameters-mode": "json",
        "parameters-json": json.dumps(TASKS),
    } | changes


def is_page(response: Any) -> bool:
    return bool(response.content.lstrip().startswith(b"<!doctype html>"))


def count_queries(client: Client, address: str) -> int:
    """Return the queries of a page, without what the shell remembers for some seconds."""
    counts = []
    for _ in range(3):
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        counts.append(len(queries))
    return min(counts)
