from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from audit.models import AuditEvent
from scheduling.models import Execution, Schedule
from tests.builders import make_user
from tests.conftest import signed_in
from tests.scheduling.builders import make_schedule, utc

PATH = "/admin/scheduling/schedule/"


@pytest.fixture
def root(db: None) -> User:
    return make_user("root", role=User.Role.STAFF, is_superuser=True)


@pytest.fixture
def as_root(root: User) -> Client:
    return signed_in(root)


def form(schedule: Schedule, **changes: str) -> dict[str, str]:
    values = {name: getattr(schedule, name) for name in ("name", "expression", "zone", "priority")}
    values |= {"gap": schedule.gap, "overlap": schedule.overlap}
    values["parameters"] = '{"tasks": [{"id": "1", "title": "Pay the rent"}]}'
    return {name: str(value) for name, value in (values | changes).items()}


def test_a_change_in_the_admin_plans_the_next_fire_anew(
    as_root: Client, root: User, alice: User
) -> None:
    schedule = make_schedule(owner=alice)

    response = as_root.post(
        f"{PATH}{schedule.pk}/change/", form(schedule, expression="@hourly", name="Hourly")
    )

    assert response.status_code == 302, response.context["errors"]
    before = schedule.next_execution_at
    schedule.refresh_from_db()
    assert (schedule.name, schedule.expression) == ("Hourly", "0 * * * *")
    assert schedule.next_execution_at != before
    event = AuditEvent.objects.about(schedule).get()
    assert (event.action, event.actor) == ("schedule.changed", root)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"expression": "0 25 * * *"}, "hour: “25” is out of range"),
        ({"zone": "Mars"}, "“Mars” is not a time zone"),
        ({"parameters": "{}"}, "tasks is required"),
    ],
)
def test_the_admin_refuses_what_services_refuse(
    as_root: Client, alice: User, change: dict[str, str], told: str
) -> None:
    schedule = make_schedule(owner=alice)

    response = as_root.post(f"{PATH}{schedule.pk}/change/", form(schedule, **change))

    assert told in response.content.decode()
    schedule.refresh_from_db()
    assert schedule.expression == "0 6 * * *"


def test_schedules_are_found_paused_and_resumed(as_root: Client, alice: User) -> None:
    schedule = make_schedule(owner=alice)

    assert "Morning tasks" in as_root.get(f"{PATH}?q=alice").content.decode()
    as_root.post(PATH, {"action": "pause", "_selected_action": str(schedule.pk)})
    schedule.refresh_from_db()
    assert schedule.pause_reason == "Paused in the admin by root."
    as_root.post(PATH, {"action": "resume", "_selected_action": str(schedule.pk)})
    schedule.refresh_from_db()
    assert schedule.enabled


def test_executions_can_only_be_read(as_root: Client, alice: User) -> None:
    execution = Execution.objects.create(
        schedule=make_schedule(owner=alice),
        expected_at=utc("2026-11-21"),
        triggered_by="cron",
        reason="Busy.",
    )
    path = f"/admin/scheduling/execution/{execution.pk}"

    assert "Busy." in as_root.get("/admin/scheduling/execution/").content.decode()
    assert as_root.get(f"{path}/change/").status_code == 200
    assert as_root.post(f"{path}/change/", {"reason": "None"}).status_code == 403
    assert as_root.post(f"{path}/delete/").status_code == 403
