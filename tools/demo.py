"""Fill an empty installation with three weeks of plausible work, through the real services.

Schedules are made as a person makes them, fire by the clock (which is set back, and led on from
fire to fire) and run in the engine, by the rules that are built in and by the simulated provider.
For `tools/screenshot.py`; the installation is that of HELIX_VAR_DIR, and must be set up.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

PROVIDER = (
    "latency_ms=90,jitter_ms=160,output_tokens=900,input_usd_per_mtok=3,output_usd_per_mtok=15"
)
REFUSING = f"{PROVIDER},failure_rate=1,failure=request_refused"
ZONE = "Europe/Stockholm"
SIMULATED, LOCAL = "simulated:simulated-1", "local:rules-1"
LIMITS = {  # USD a month, of the operations that the simulated provider runs
    "email-respond": Decimal("2.50"),
    "email-compose": Decimal("1.20"),
    "analytics-summary": Decimal(5),
}
LONG, SHORT = timedelta(days=21), timedelta(days=3)


@dataclass(frozen=True)
class Plan:
    """A schedule to make. On the turns of `fails_on`, counted from 1, its provider says no."""

    name: str
    operation: str
    expression: str
    parameters: dict[str, Any]
    since: timedelta = LONG
    fails_on: frozenset[int] = field(default_factory=frozenset)


MAILS = [
    (
        "ops@northwind.example",
        "Database replica is lagging",
        "The replica is 40 s behind. Please look before the 10:00 import starts.",
    ),
    (
        "anna@northwind.example",
        "Review of the retry policy",
        "Could you please review the draft by Thursday? It has two questions.",
    ),
    (
        "calendar@northwind.example",
        "Moved: platform sync",
        "The platform sync moves to Wednesday at 14:00. Please confirm.",
    ),
    (
        "billing@cloud.example",
        "Your receipt for November",
        "Thank you for your payment of $412.80. The invoice is attached.",
    ),
    (
        "news@postgres.example",
        "PostgreSQL weekly",
        "Releases, planner internals and a talk on partitions. Unsubscribe at any time.",
    ),
    (
        "tomas@home.example",
        "Sunday dinner",
        "Are you coming on Sunday? Mum asks whether you bring the cake.",
    ),
]


def mails(count: int) -> dict[str, Any]:
    return {
        "emails": [
            {"id": str(number), "from": sender, "subject": subject, "body": body}
            for number, (sender, subject, body) in enumerate(MAILS[:count], start=1)
        ]
    }


def measured(days: int, base: float, odd: dict[int, float]) -> list[dict[str, Any]]:
    """Return a daily series with a weekly wave; `odd` gives factors of the days that stand out."""
    first = datetime.now(tz=UTC).date() - timedelta(days=days)
    return [
        {
            "t": (first + timedelta(days=day)).isoformat(),
            "value": round(base * (1 + 0.08 * math.sin(day / 7 * math.tau)) * odd.get(day, 1), 1),
        }
        for day in range(days)
    ]


def plans() -> list[Plan]:
    tomorrow = datetime.now(tz=UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    tasks = [
        {
            "id": "1",
            "title": "Rotate the signing keys",
            "importance": 5,
            "effort_minutes": 45,
            "due": tomorrow.date().isoformat(),
        },
        {
            "id": "2",
            "title": "Answer the security questionnaire",
            "importance": 4,
            "effort_minutes": 120,
        },
        {"id": "3", "title": "Delete the old feature flags", "importance": 2, "effort_minutes": 60},
        {
            "id": "4",
            "title": "Plan the November release",
            "importance": 4,
            "effort_minutes": 90,
            "blocked_by": ["1"],
        },
        {"id": "5", "title": "Tidy the wiki", "importance": 1, "effort_minutes": 30},
    ]
    events = [
        {
            "id": "1",
            "title": "Platform sync",
            "start": tomorrow.replace(hour=9).isoformat(),
            "end": tomorrow.replace(hour=10).isoformat(),
            "attendees": ["Anna", "Tomas"],
        },
        {
            "id": "2",
            "title": "Interview: site reliability engineer",
            "start": tomorrow.replace(hour=13).isoformat(),
            "end": tomorrow.replace(hour=14).isoformat(),
            "location": "Room 4",
        },
    ]
    window = {
        "start": tomorrow.date().isoformat(),
        "end": (tomorrow + timedelta(days=5)).date().isoformat(),
    }
    reply = {
        "email": {"from": MAILS[1][0], "subject": MAILS[1][1], "body": MAILS[1][2]},
        "intent": "answer",
        "sender_name": "Ida",
    }
    return [
        Plan("Inbox triage", "email-classify", "0 * * * *", mails(6), SHORT),
        Plan(
            "Support reply drafts",
            "email-respond",
            "0 */2 * * *",
            reply,
            2 * SHORT,
            frozenset({7}),
        ),
        Plan("Morning priorities", "task-prioritize", "0 7 * * MON-FRI", {"tasks": tasks}),
        Plan("Meeting briefs", "calendar-prep", "30 7 * * MON-FRI", {"events": events}),
        Plan(
            "Checkout latency watch",
            "analytics-anomaly",
            "0 */3 * * *",
            {"series": measured(40, 180, {31: 1.9, 36: 1.7})},
            2 * SHORT,
        ),
        Plan(
            "Nightly cost watch", "analytics-anomaly", "15 2 * * *", {"metric": "cost", "days": 30}
        ),
        Plan("Usage digest", "analytics-summary", "0 8 * * MON", {"days": 7}),
        Plan(
            "Signups by day", "analytics-summary", "30 6 * * *", {"series": measured(30, 640, {})}
        ),
        Plan(
            "Focus time finder",
            "calendar-time",
            "0 16 * * *",
            {"duration_minutes": 90, "window": window, "count": 3},
        ),
        Plan(
            "Vendor follow-ups",
            "email-compose",
            "0 */6 * * *",
            {
                "purpose": "Ask for the renewed data processing agreement",
                "to": ["legal@cloud.example"],
                "sender_name": "Ida",
            },
            2 * SHORT,
            frozenset({6, 13, *range(20, 40)}),
        ),
        Plan(
            "Release checklist",
            "task-breakdown",
            "0 9 * * THU",
            {
                "title": "Ship version 4.2",
                "description": "Migrations, changelog, rollout in three steps.",
            },
        ),
        Plan(
            "Incident review outline",
            "task-breakdown",
            "0 15 * * FRI",
            {"title": "Prepare the incident review", "max_steps": 6},
        ),
    ]


def fill(now: datetime) -> None:
    import time_machine
    from django.utils import timezone

    from accounts.models import User
    from operations import services as operations
    from operations.models import Run
    from scheduling import services
    from scheduling.models import Schedule

    ida = User.objects.get(is_superuser=True)
    ida.first_name, ida.last_name, ida.zone = "Ida", "Berg", ZONE
    ida.save()
    todo = sorted(plans(), key=lambda plan: plan.since, reverse=True)
    failing: dict[Any, Plan] = {}
    turns: dict[Any, int] = {}
    with time_machine.travel(now - LONG - timedelta(minutes=20)):
        operations.set_budget(owner=ida, limit_usd=Decimal(40), by=ida)
        services.create_schedule(
            owner=ida,
            by=ida,
            operation="task-breakdown",
            type="manual",
            name="Onboarding plan",
            parameters={"title": "Onboard a new engineer", "max_steps": 8},
        )
        operations.save_preferences(
            owner=ida,
            changes={
                plan.operation: {
                    "model": SIMULATED if plan.operation in LIMITS else LOCAL,
                    "fallbacks": [],
                    "monthly_budget_usd": LIMITS.get(plan.operation),
                }
                for plan in plans()
            },
            by=ida,
        )
    while True:
        coming = Schedule.objects.planned().order_by("next_execution_at").first()
        fire = coming.next_execution_at if coming else None
        made = now - todo[0].since - timedelta(minutes=10) if todo else None
        if made is not None and (fire is None or made <= fire):
            plan = todo.pop(0)
            with time_machine.travel(made):
                schedule = services.create_schedule(
                    owner=ida,
                    by=ida,
                    operation=plan.operation,
                    type="cron",
                    expression=plan.expression,
                    parameters=plan.parameters,
                    name=plan.name,
                )
            failing[schedule.pk] = plan
            continue
        if fire is None or fire > now:
            break
        due = list(Schedule.objects.filter(next_execution_at=fire).values_list("pk", flat=True))
        refused = False
        for pk in due:
            turns[pk] = turns.get(pk, 0) + 1
            refused |= turns[pk] in failing[pk].fails_on
        with time_machine.travel(fire + timedelta(seconds=1)), provider(refused):
            drain()
    services.pause_schedule(
        Schedule.objects.get(name="Incident review outline"),
        by=ida,
        reason="No incidents this month; back in December.",
    )
    operations.submit(
        owner=ida,
        operation="calendar-time",
        parameters=next(plan for plan in plans() if plan.operation == "calendar-time").parameters,
        origin=Run.Origin.COMMAND,
    )
    drain()
    print(f"{Schedule.objects.count()} schedules, {Run.objects.count()} runs, {timezone.now():%c}")


@contextmanager
def provider(refuses: bool) -> Iterator[None]:  # noqa: FBT001
    from django.test import override_settings

    with override_settings(HELIX_SIMULATED_PROVIDER=REFUSING if refuses else PROVIDER):
        yield


def drain() -> None:
    """Fire what is due at this moment, and settle it."""
    from django.utils import timezone

    from operations.engine.loop import Engine
    from scheduling.firing import fire_due

    fire_due(timezone.now())
    Engine(slots=20, kind="command").drain()


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    os.environ["HELIX_SIMULATED_PROVIDER"] = PROVIDER
    import django

    django.setup()
    fill(datetime.now(tz=UTC))


if __name__ == "__main__":
    main()
