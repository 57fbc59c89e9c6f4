from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from audit import chain, telling
from core.sentences import Named

AT = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
ID = "01a1fdfa-bb30-7000-8000-000000000001"
SCHEDULE = f"scheduling.schedule:{ID}"


def tell(
    action: str,
    *,
    target: str = "thing:1",
    names: dict[str, Named] | None = None,
    at: datetime = AT,
    **detail: Any,
) -> telling.Entry:
    record = telling.Record(
        id=ID,
        seq=1,
        at=at,
        actor="alice",
        action=action,
        target=target,
        ip="",
        request_id="",
        hash="",
        detail=chain.canonical(detail) if detail else "",
    )
    return telling.tell(record, names or {})


NIGHTLY = {SCHEDULE: Named("Nightly", "/schedules/1/")}
OLD = {"name": "Old", "zone": "UTC", "priority": 5}


@pytest.mark.parametrize(
    ("action", "detail", "sentence"),
    [
        (
            "schedule.paused",
            {"after": {"reason": "Too dear."}},
            "Paused schedule “Nightly”: Too dear.",
        ),
        ("schedule.created", {"after": {"name": "Old"}}, "Created schedule “Old”."),
        (
            "schedule.changed",
            {"before": OLD, "after": {**OLD, "name": "New", "zone": "Asia/Tokyo"}},
            "Changed schedule “New”: name: Old → New; time zone: UTC → Asia/Tokyo.",
        ),
        (
            "schedule.changed",
            {"before": OLD, "after": OLD},
            "Changed schedule “Old”: parameters.",
        ),
        ("schedule.resumed", {"before": {"reason": "x"}}, "Resumed schedule “Nightly”."),
        (
            "schedule.run_by_hand",
            {"after": {"status": "skipped"}},
            "Ran schedule “Nightly” by hand; it was skipped.",
        ),
        ("schedule.archived", {"before": OLD}, "Archived schedule “Old”; its history stays."),
    ],
)
def test_what_happened_to_a_schedule(action: str, detail: dict[str, Any], sentence: str) -> None:
    assert tell(action, target=SCHEDULE, names=NIGHTLY, **detail).sentence == sentence


@pytest.mark.parametrize(
    ("action", "target", "detail", "sentence"),
    [
        (
            "budget.changed",
            "operations.budget:1",
            {"after": {"limit_usd": "20.000000000"}},
            "Limit of everything: none → $20.00.",
        ),
        (
            "budget.changed",
            "operations.budget:1",
            {"before": {"limit_usd": "20"}, "after": {"limit_usd": None}},
            "Limit of everything: $20.00 → none.",
        ),
        (
            "preferences.saved",
            "accounts.user:1",
            {"before": {}, "after": {"task-breakdown": {}, "email-compose": {}}},
            "Saved preferences of Compose an e-mail; Saved preferences of Break a task down.",
        ),
        (
            "preferences.saved",
            "accounts.user:1",
            {"before": {"gone": None}, "after": {"gone": {"enabled": False}}},
            "Switched off gone.",
        ),
        (
            "preferences.saved",
            "accounts.user:1",
            {
                "before": {"email-classify": None},
                "after": {"email-classify": {"monthly_budget_usd": "50", "parameters": {"a": 1}}},
            },
            "Limit of Classify e-mails: none → $50.00; Default parameters of Classify e-mails.",
        ),
        (
            "user.changed",
            "accounts.user:1",
            {"before": {"zone": "UTC"}, "after": {"zone": "Europe/Berlin"}},
            "User changed: zone: UTC → Europe/Berlin.",
        ),
        (
            "theme.saved",
            "accounts.user:1",
            {"after": {"is_compact": True}},
            "Changed the look: compact rows.",
        ),
        (
            "user.created",
            "accounts.user:1",
            {"after": {"username": "bob", "role": "viewer"}},
            "Created the user “bob” as viewer.",
        ),
        (
            "job.started_by_hand",
            "jobs.jobrun:1",
            {"after": {"job": "jobs.clean_up"}},
            "Started the job “jobs.clean_up” by hand.",
        ),
        (
            "secret.stored",
            "core.storedsecret:1",
            {"after": {"name": "k"}},
            "Stored the secret “k”.",
        ),
        (
            "provider.resumed",
            "operations.providerstate:openai",
            {"before": {}},
            "Resumed the provider “openai”.",
        ),
        (
            "run.cancelled",
            "operations.run:1",
            {"after": {"reason": "No."}},
            "Cancelled a run: No.",
        ),
    ],
)
def test_what_happened_to_the_rest(
    action: str, target: str, detail: dict[str, Any], sentence: str
) -> None:
    assert tell(action, target=target, **detail).sentence == sentence


def test_an_action_that_nobody_tells_is_told_plainly() -> None:
    assert tell("thing.turned_over").sentence == "Thing turned over."


def test_values_stand_side_by_side_as_text() -> None:
    entry = tell(
        "thing.changed",
        before={"name": "a", "limit": None, "same": 1},
        after={"name": "b", "on": True, "same": 1, "parts": [{"é": "<b>"}]},
    )

    found = {value.name: (value.before, value.after, value.is_changed) for value in entry.values}

    assert found == {
        "limit": ("none", None, True),
        "name": ("a", "b", True),
        "same": ("1", "1", False),
        "on": (None, "yes", True),
        "parts": (None, '[\n  {\n    "é": "<b>"\n  }\n]', True),
    }


@pytest.mark.parametrize("detail", ["{", "[1]", '{"before": 3}', '{"after": null}'])
def test_a_detail_that_somebody_edited_breaks_nothing(detail: str) -> None:
    record = tell("schedule.paused", target=SCHEDULE).record
    broken = telling.Record(**{**vars(record), "detail": detail})

    assert telling.tell(broken, {}).sentence.startswith("Paused a schedule")


def test_days_are_those_of_the_reader() -> None:
    late = tell("thing.made", at=AT)
    early = tell("thing.made", at=AT.replace(hour=3))

    days = telling.by_day([late, early], ZoneInfo("Europe/Berlin"))

    assert [(day.date, len(day.entries)) for day in days] == [
        (date(2026, 11, 22), 1),
        (date(2026, 11, 21), 1),
    ]
