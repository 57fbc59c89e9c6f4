from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from accounts.models import User
from audit.models import AuditEvent
from scheduling import bulk
from scheduling.models import Execution, Schedule
from tests.scheduling.builders import make_schedule, utc

LATER = utc("2036-11-21 06:00")  # none is due
PAUSE, RESUME, DELETE = (bulk.ACTIONS[name] for name in ("pause", "resume", "delete"))


@pytest.fixture
def three(alice: User) -> list[Schedule]:
    return [make_schedule(owner=alice, name=f"No {number}", next_at=LATER) for number in range(3)]


def names(schedules: Any) -> list[str]:
    return [schedule.name for schedule in schedules]


def fire(schedule: Schedule) -> None:
    Execution.objects.create(
        schedule=schedule, expected_at=utc("2026-11-20 06:00"), triggered_by="cron", reason="Busy."
    )


def test_each_is_done_by_the_rule_for_one_with_an_entry_of_its_own(
    alice: User, three: list[Schedule]
) -> None:
    outcome = bulk.change_many(three, PAUSE, by=alice, reason="Holiday.")

    assert names(outcome.done) == ["No 0", "No 1", "No 2"]
    assert outcome.is_whole
    paused = Schedule.objects.filter(enabled=False, pause_reason="Holiday.")
    assert paused.count() == 3
    events = AuditEvent.objects.filter(action="schedule.paused", actor=alice)
    assert len({event.target for event in events}) == 3


def test_one_that_refuses_keeps_no_other_from_it(alice: User, three: list[Schedule]) -> None:
    bulk.change_many(three, PAUSE, by=alice, reason="Holiday.")
    Schedule.objects.filter(pk=three[1].pk).update(parameters={"tasks": "none"})
    Schedule.objects.filter(pk=three[2].pk).delete()

    outcome = bulk.change_many(three, RESUME, by=alice)

    assert names(outcome.done) == ["No 0"]
    (invalid, why), (gone, told) = outcome.refused
    assert (invalid.name, gone.name) == ("No 1", "No 2")
    assert "tasks" in why
    assert told == "“No 2” was deleted meanwhile."
    assert not outcome.is_whole


def test_deleting_archives_those_with_a_history(alice: User, three: list[Schedule]) -> None:
    fire(three[0])

    bulk.change_many(three, DELETE, by=alice)

    (left,) = Schedule.objects.all()
    assert left.name == "No 0"
    assert left.is_archived


def test_what_is_not_reached_in_time_is_left_and_told(
    alice: User, three: list[Schedule], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 1.0, bulk.LONGEST_S, bulk.LONGEST_S + 1])
    monkeypatch.setattr(bulk, "time", SimpleNamespace(monotonic=lambda: next(clock)))

    outcome = bulk.change_many(three, PAUSE, by=alice, reason="x")

    assert (names(outcome.done), names(outcome.left)) == (["No 0"], ["No 1", "No 2"])
    assert Schedule.objects.filter(enabled=True).count() == 2


def test_a_choice_counts_what_stays_as_it_is(alice: User, three: list[Schedule]) -> None:
    bulk.change_many(three[:1], PAUSE, by=alice, reason="x")
    fire(three[0])
    everything = Schedule.objects.visible_to(alice)

    pause, resume = bulk.choose(everything, PAUSE), bulk.choose(everything, RESUME)
    delete = bulk.choose(everything, DELETE)

    assert (names(pause.rows), pause.others) == (["No 2", "No 1"], 1)
    assert (names(resume.rows), resume.others) == (["No 0"], 2)
    assert (delete.number, delete.with_history, delete.without_history) == (3, 1, 2)


def test_a_choice_is_bounded_and_says_so(
    alice: User, three: list[Schedule], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST", 2)

    choice = bulk.choose(Schedule.objects.visible_to(alice), PAUSE)

    assert (names(choice.rows), choice.number, choice.beyond) == (["No 2", "No 1"], 3, 1)
    assert choice.others == 0


def test_archived_ones_are_never_chosen(alice: User, three: list[Schedule]) -> None:
    fire(three[0])
    bulk.change_many(three[:1], DELETE, by=alice)

    assert bulk.choose(Schedule.objects.visible_to(alice), RESUME).number == 0
