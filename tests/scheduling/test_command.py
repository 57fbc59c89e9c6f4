from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from pytest_django import DjangoDbBlocker

from accounts.models import User
from audit.models import AuditEvent
from core import secrets
from operations.models import Run
from scheduling.models import Execution, Schedule
from tests.scheduling.builders import OPERATION, TASKS, make_schedule, utc

NOW = utc("2026-11-21 10:00")


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as travel:
        yield travel


def text(*arguments: object) -> str:
    out = io.StringIO()
    call_command("schedules", *map(str, arguments), stdout=out)
    return out.getvalue()


def data(*arguments: object) -> Any:
    return json.loads(text(*arguments, "--json"))


def create(**changes: str) -> Any:
    flags = {"user": "alice", "type": "cron", "operation": OPERATION, "cron": "0 6 * * *"}
    flags |= {"zone": "Europe/Berlin", "params": json.dumps(TASKS)} | changes
    return data("create", *(f"--{flag}={value}" for flag, value in flags.items()))


def test_create_prints_the_schedule(alice: User) -> None:
    printed = create(gap="skip", overlap="both", priority="7", name="Dawn")

    schedule = Schedule.objects.get()
    assert printed["id"] == str(schedule.pk)
    assert printed["enabled"] is True
    assert printed["next_execution_at"] == "2026-11-22T05:00:00Z"
    assert printed["webhook"] is None
    assert (schedule.owner, schedule.name, schedule.priority) == (alice, "Dawn", 7)
    assert (schedule.gap, schedule.overlap, schedule.parameters) == ("skip", "both", TASKS)


def test_create_reads_parameters_from_a_file(alice: User, tmp_path: Path) -> None:
    path = tmp_path / "parameters.json"
    path.write_text(json.dumps(TASKS), encoding="utf-8")

    create(params=f"@{path}")

    assert Schedule.objects.get().parameters == TASKS


def test_create_reads_parameters_from_standard_input(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(TASKS)))

    create(params="-")

    assert Schedule.objects.get().parameters == TASKS


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"user": "nobody"}, "There is no user “nobody”"),
        ({"cron": "* * * *"}, "--cron: expression: “\\* \\* \\* \\*” is not five fields"),
        ({"cron": "61 * * * *"}, "--cron: minute: “61” is out of range"),
        ({"zone": "Berlin"}, "--zone: “Berlin” is not a time zone"),
        ({"operation": "juggle"}, "--operation: There is no operation “juggle”"),
        ({"params": "{"}, "--params is not JSON"),
        ({"params": "[]"}, "--params: must be an object"),
        ({"params": "{}"}, "--params: task-prioritize: tasks is required"),
        ({"params": "@/nowhere.json"}, "--params: /nowhere.json cannot be read"),
        ({"params": "[" * 100_000}, "--params is nested too deeply"),
        ({"priority": "0"}, "--priority: "),
        ({"type": "webhook"}, "--cron: Only a cron schedule has an expression"),
        ({"dialect": "hex"}, "--dialect: Only a webhook has a dialect"),
        ({"type": "hourly"}, "invalid choice: 'hourly'"),
        ({"gap": "maybe"}, "invalid choice: 'maybe'"),
    ],
)
def test_create_names_the_flag_that_is_wrong(
    alice: User, change: dict[str, str], told: str
) -> None:
    with pytest.raises(CommandError, match=told):
        create(**change)

    assert not Schedule.objects.exists()


def test_list_shows_current_schedules_of_one_user(alice: User, bob: User) -> None:
    schedule = make_schedule(owner=alice)
    make_schedule(owner=bob)
    archived = make_schedule(owner=alice, type="manual")
    Schedule.objects.filter(pk=archived.pk).update(
        enabled=False, pause_reason="Archived.", archived_at=NOW
    )

    assert [row["id"] for row in data("list", "--user=alice")] == [str(schedule.pk)]
    assert len(data("list")) == 2


def test_show_tells_executions_newest_first(alice: User) -> None:
    schedule = make_schedule(owner=alice)
    run = Run.objects.create(
        owner=alice,
        operation=OPERATION,
        origin="cron",
        status="failed",
        error="The provider was away.",
        started_at=NOW,
        finished_at=NOW,
    )
    for at, given in (("06:00", {"run": run}), ("07:00", {"reason": "Busy."})):
        Execution.objects.create(
            schedule=schedule, expected_at=utc(f"2026-11-21 {at}"), triggered_by="cron", **given
        )

    skipped, failed = data("show", schedule.pk)["executions"]

    assert (skipped["status"], skipped["reason"], skipped["run"]) == ("skipped", "Busy.", None)
    assert (failed["status"], failed["reason"]) == ("failed", "The provider was away.")
    assert (failed["triggered_by"], failed["run"]) == ("cron", str(run.pk))
    assert failed["expected_at"] == "2026-11-21T06:00:00Z"
    assert failed["started_at"] == failed["finished_at"] == "2026-11-21T10:00:00Z"


def test_show_tells_times_with_their_zone(alice: User) -> None:
    schedule = make_schedule(owner=alice, zone="Europe/Berlin")

    shown = text("show", schedule.pk)

    assert "At 06:00, every day" in shown
    assert "next fire Sat 2026-11-21 07:00 Europe/Berlin (+0100)" in shown


def three_executions(schedule: Schedule) -> None:
    for day, trigger in (("19", "cron"), ("20", "manual"), ("21", "cron")):
        Execution.objects.create(
            schedule=schedule,
            expected_at=utc(f"2026-11-{day} 02:00"),
            triggered_by=trigger,
            reason=f"-{day}",
        )


@pytest.mark.parametrize(
    ("flags", "reasons"),
    [
        ([], ["-21", "-20", "-19"]),
        (["--status=skipped"], ["-21", "-20", "-19"]),
        (["--status=failed"], []),
        (["--trigger=cron"], ["-21", "-19"]),
        (["--from=2026-11-20"], ["-21"]),  # the owner's day begins at 15:00 UTC the day before
        (["--to=2026-11-19"], ["-20", "-19"]),
    ],
)
def test_executions_are_filtered(alice: User, flags: list[str], reasons: list[str]) -> None:
    User.objects.filter(pk=alice.pk).update(zone="America/New_York")
    schedule = make_schedule(owner=alice)
    three_executions(schedule)

    told = data("executions", schedule.pk, *flags)
    as_csv = text("executions", schedule.pk, "--csv", *flags)

    assert [row["reason"] for row in told] == reasons
    assert [row["reason"] for row in csv.DictReader(io.StringIO(as_csv))] == [
        f"'{reason}"
        for reason in reasons  # text, and no formula
    ]


def test_executions_are_told_by_the_clocks_of_the_schedule(alice: User) -> None:
    schedule = make_schedule(owner=alice, zone="Asia/Tokyo")
    three_executions(schedule)

    (line,) = text("executions", schedule.pk, "--trigger=manual").splitlines()

    assert line == "  Fri 2026-11-20 11:00 Asia/Tokyo (+0900)  skipped   manual    -20"


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--from=monday"], "--from: “monday” is no date"),
        (["--from=2026-11-22", "--to=2026-11-21"], "--to: The period ends before it begins."),
        (["--status=good"], "invalid choice: 'good'"),
        (["--csv", "--json"], "Choose --csv or --json"),
    ],
)
def test_executions_names_the_flag_that_is_wrong(alice: User, flags: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        text("executions", make_schedule(owner=alice).pk, *flags)


@pytest.mark.parametrize("verb", ["show", "executions", "pause", "resume", "run", "delete"])
def test_an_unknown_schedule_is_named(alice: User, verb: str) -> None:
    with pytest.raises(CommandError, match="There is no schedule “nonsense”"):
        text(verb, "nonsense")


@pytest.mark.parametrize("verb", ["show", "executions", "pause", "resume", "run", "delete"])
def test_with_user_a_strangers_schedule_is_not_there(alice: User, bob: User, verb: str) -> None:
    schedule = make_schedule(owner=alice)

    with pytest.raises(CommandError, match="There is no schedule"):
        text(verb, schedule.pk, "--user=bob")


def test_pause_and_resume(alice: User) -> None:
    schedule = make_schedule(owner=alice)

    paused = data("pause", schedule.pk, "--reason=Holiday")
    resumed = data("resume", schedule.pk, "--user=alice")

    assert (paused["enabled"], paused["pause_reason"]) == (False, "Holiday")
    assert paused["next_execution_at"] is None
    assert resumed["next_execution_at"] == "2026-11-22T06:00:00Z"


def test_what_an_operator_does_is_not_recorded_as_the_owners_deed(alice: User) -> None:
    made = create()
    text("pause", made["id"], "--user=alice")

    events = AuditEvent.objects.filter(stream=str(alice.pk))
    assert [(event.action, event.actor) for event in events.order_by("seq")] == [
        ("schedule.created", None),
        ("schedule.paused", None),
    ]


def test_run_prints_the_execution(alice: User) -> None:
    schedule = make_schedule(owner=alice)

    printed = data("run", schedule.pk)

    assert (printed["status"], printed["triggered_by"]) == ("pending", "manual")
    assert printed["run"] == str(Run.objects.get().pk)


def test_a_run_that_is_skipped_is_no_success(alice: User, clock: Any) -> None:
    schedule = make_schedule(owner=alice)
    text("run", schedule.pk)
    clock.shift(60)

    with pytest.raises(CommandError, match="Skipped: The run of"):
        text("run", schedule.pk)

    assert Execution.objects.count() == 2


def test_delete_asks_for_yes_where_there_is_history(alice: User) -> None:
    schedule = make_schedule(owner=alice)
    text("run", schedule.pk)

    with pytest.raises(CommandError, match=r"Confirm \(--yes\)"):
        text("delete", schedule.pk)

    assert data("delete", schedule.pk, "--yes")["outcome"] == "archived"


def test_preview_needs_no_database(django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.block():
        printed = data(
            *("preview", "--cron=30 2 * * *", "--zone=Europe/Berlin"),
            *("--after=2027-03-26T12:00", "--count=3"),
        )

    assert printed["words"] == "At 02:30, every day"
    assert printed["fires"] == [
        "2027-03-27T01:30:00Z",
        "2027-03-28T01:00:00Z",
        "2027-03-29T00:30:00Z",
    ]
    assert [change["words"] for change in printed["clock_changes"]] == [
        "On Sun 28 Mar 2027 clocks go forward from 02:00 to 03:00: "
        "what is due in between fires once, at 03:00.",
        "On Sun 31 Oct 2027 clocks go back from 03:00 to 02:00: "
        "what is due in the time that comes twice fires the first time only.",
    ]


def test_preview_tells_local_times() -> None:
    shown = text("preview", "--cron=@hourly", "--zone=Asia/Kolkata", "--count=1")

    assert shown.splitlines()[1] == "  Sat 2026-11-21 16:00 Asia/Kolkata (+0530)"


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--cron=99 * * * *"], "--cron: minute: “99”"),
        (["--cron=@daily", "--zone=Nowhere"], "--zone: “Nowhere”"),
        (["--cron=@daily", "--after=yesterday"], "--after must be a moment"),
        (["--cron=@daily", "--after=9999-12-31T23:59"], "the years 1970 to 2199"),
        (["--cron=@daily", "--count=0"], "--count must be from 1 to 1,000"),
        (["--zone=UTC"], "--cron"),
    ],
)
def test_preview_names_the_flag_that_is_wrong(flags: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        text("preview", *flags)


# --- webhooks -------------------------------------------------------------------------------------


def create_webhook(**changes: str) -> Any:
    return create(**{"type": "webhook", "cron": ""} | changes)


def test_create_prints_the_secret_of_a_webhook_this_once(alice: User) -> None:
    printed = create_webhook(dialect="github")

    schedule = Schedule.objects.get()
    webhook = printed["webhook"]
    assert webhook["path"] == f"/webhooks/schedules/{schedule.pk}/"
    assert (webhook["dialect"], schedule.dialect) == ("github", "github")
    assert webhook["secret"] == secrets.get(schedule.secret_ref, alice).reveal()
    shown = data("show", schedule.pk)["webhook"]
    assert shown == {key: value for key, value in webhook.items() if key != "secret"}
    assert webhook["secret"] not in text("show", schedule.pk) + text("list")


def test_create_tells_people_where_to_deliver(alice: User) -> None:
    told = text(
        *("create", "--user=alice", "--type=webhook", f"--operation={OPERATION}"),
        f"--params={json.dumps(TASKS)}",
    )

    schedule = Schedule.objects.get()
    secret = secrets.get(schedule.secret_ref, alice).reveal()
    assert f"POST /webhooks/schedules/{schedule.pk}/ (Standard Webhooks)" in told
    assert f"secret, told this once: {secret}" in told
    assert "fires by webhook" in told


def test_rotate_secret_prints_the_new_one(alice: User) -> None:
    first = create_webhook()

    second = data("rotate-secret", first["id"])
    third = data("rotate-secret", first["id"], "--grace=0")

    told = {each["webhook"]["secret"] for each in (first, second, third)}
    assert len(told) == 3
    assert second["webhook"]["old_secret_until"] == "2026-11-22T10:00:00Z"
    assert third["webhook"]["old_secret_until"] is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--grace=-1"], "--grace must be from 0 to 720 hours"),
        (["--grace=nan"], "--grace must be from 0 to 720 hours"),
        (["--secret-ref=store:none"], "--secret-ref: There is no stored secret"),
    ],
)
def test_rotate_secret_names_what_is_wrong(alice: User, arguments: list[str], told: str) -> None:
    webhook = create_webhook()

    with pytest.raises(CommandError, match=told):
        text("rotate-secret", webhook["id"], *arguments)


def test_only_a_webhook_has_a_secret_to_rotate(alice: User) -> None:
    with pytest.raises(CommandError, match="is not started by webhooks"):
        text("rotate-secret", create()["id"])
