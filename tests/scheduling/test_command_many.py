"""`manage.py schedules`: edit, and pause, resume or delete with --all."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command

from accounts.models import User
from audit.models import AuditEvent
from scheduling.models import Execution, Schedule
from tests.scheduling.builders import TASKS, make_schedule, utc

NOW = utc("2026-11-21 10:00")
LATER = utc("2036-11-21 06:00")  # none is due


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as travel:
        yield travel


@pytest.fixture
def three(alice: User) -> list[Schedule]:
    return [make_schedule(owner=alice, name=f"No {number}", next_at=LATER) for number in range(3)]


def text(*arguments: object) -> str:
    out = io.StringIO()
    call_command("schedules", *map(str, arguments), stdout=out)
    return out.getvalue()


def data(*arguments: object) -> Any:
    return json.loads(text(*arguments, "--json"))


def paused() -> list[str]:
    return sorted(Schedule.objects.filter(enabled=False).values_list("name", flat=True))


# --- edit -----------------------------------------------------------------------------------------


def test_edit_changes_what_is_given_and_nothing_else(three: list[Schedule]) -> None:
    printed = data("edit", three[0].pk, "--name=Dawn", "--cron=0 5 * * *", "--zone=Asia/Tokyo")

    schedule = Schedule.objects.get(pk=three[0].pk)
    assert (schedule.name, schedule.expression, schedule.zone) == (
        "Dawn",
        "0 5 * * *",
        "Asia/Tokyo",
    )
    assert (schedule.parameters, schedule.priority, schedule.gap) == (TASKS, 5, "first_valid")
    assert printed["next_execution_at"] == "2026-11-21T20:00:00Z"
    event = AuditEvent.objects.get(action="schedule.changed")
    assert event.actor is None


def test_edit_leaves_the_next_fire_where_the_cadence_stays(three: list[Schedule]) -> None:
    more = {"tasks": [{"id": "2", "title": "Sleep"}]}

    data("edit", three[0].pk, f"--params={json.dumps(more)}", "--priority=9")

    schedule = Schedule.objects.get(pk=three[0].pk)
    assert (schedule.parameters, schedule.priority) == (more, 9)
    assert schedule.next_execution_at == LATER


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ([], "Nothing to change"),
        (["--cron=61 * * * *"], "--cron: minute: “61” is out of range"),
        (["--cron="], "--cron: "),
        (["--zone=Berlin"], "--zone: “Berlin” is not a time zone"),
        (["--params={"], "--params is not JSON"),
        (["--params={}"], "--params: task-prioritize: tasks is required"),
        (["--priority=11"], "--priority: "),
        (["--name="], "--name: "),
        (["--gap=maybe"], "invalid choice: 'maybe'"),
        (["--name=x", "--user=bob"], "There is no schedule"),
    ],
)
def test_edit_names_the_flag_that_is_wrong(
    three: list[Schedule], bob: User, flags: list[str], told: str
) -> None:
    with pytest.raises(CommandError, match=told):
        text("edit", three[0].pk, *flags)

    assert Schedule.objects.get(pk=three[0].pk).name == "No 0"


# --- many -----------------------------------------------------------------------------------------


def test_all_are_paused_and_resumed(three: list[Schedule], bob: User) -> None:
    make_schedule(owner=bob, name="Bob's", next_at=LATER)

    done = data("pause", "--all", "--user=alice", "--reason=Holiday.", "--yes")
    assert sorted(done["done"]) == sorted(str(schedule.pk) for schedule in three)
    assert paused() == ["No 0", "No 1", "No 2"]

    assert text("resume", "--all", "--filter=q=no 1", "--yes") == "Resumed 1.\n"
    assert paused() == ["No 0", "No 2"]
    assert AuditEvent.objects.filter(action="schedule.paused", actor=None).count() == 3


def test_without_yes_it_says_how_many_and_does_nothing(three: list[Schedule]) -> None:
    Execution.objects.create(
        schedule=three[0], expected_at=NOW, triggered_by="cron", reason="Busy."
    )

    with pytest.raises(CommandError, match=r"pause 3 schedules\. Confirm with --yes\."):
        text("pause", "--all")
    with pytest.raises(CommandError, match=r"delete 3 schedules, 1 of them with a history"):
        text("delete", "--all")

    assert paused() == []
    assert Schedule.objects.count() == 3


def test_all_that_fit_are_deleted(three: list[Schedule]) -> None:
    text("pause", three[1].pk)

    assert data("delete", "--all", "--filter=state=paused", "--yes")["done"] == [str(three[1].pk)]
    assert Schedule.objects.count() == 2


def test_those_that_refuse_are_told_and_it_is_no_success(three: list[Schedule]) -> None:
    text("pause", "--all", "--yes")
    Schedule.objects.filter(pk=three[1].pk).update(parameters={"tasks": "none"})
    out = io.StringIO()

    with pytest.raises(CommandError, match="Not all of them"):
        call_command("schedules", "resume", "--all", "--yes", stdout=out)

    assert "Resumed 2.\n  refused: No 1: task-prioritize: " in out.getvalue()
    assert paused() == ["No 1"]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ([], "Give an ID, or --all."),
        (["x", "--all"], "Give an ID, or --all."),
        (["x", "--filter=q=x"], "--filter narrows --all"),
        (["--all", "--filter=state=fialing", "--yes"], "--filter: “state=fialing” is none of"),
        (["--all", "--filter=status=paused", "--yes"], "--filter: “status=paused” is none of"),
        (["--all", "--filter=q=", "--yes"], "--filter: “q=” is none of"),
        (["--all", "--filter=q=a", "--filter=q=b", "--yes"], "--filter: “q=b” is none of"),
        (["--all", "--filter=q=nothing", "--yes"], "No schedule that fits is there to pause."),
        (["--all", "--yes", "--reason= "], "--reason: say why"),
        (["--all", "--yes", "--user=nobody"], "There is no user “nobody”"),
    ],
)
def test_a_flag_that_is_wrong_never_means_all(
    three: list[Schedule], flags: list[str], told: str
) -> None:
    with pytest.raises(CommandError, match=told):
        text("pause", *flags)

    assert paused() == []
