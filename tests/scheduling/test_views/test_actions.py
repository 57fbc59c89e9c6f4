from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from accounts.models import User
from audit.models import AuditEvent
from core.ids import uuid7
from operations import services as operations
from operations.models import Run
from scheduling import services
from scheduling.models import Execution, Schedule
from tests.scheduling.builders import make_schedule, settle
from tests.scheduling.test_views.kit import (
    HOSTILE,
    HTMX,
    LIST,
    asking_for,
    make_execution,
    page_of,
    text_of,
)

VERBS = ("toggle", "run", "delete")


@pytest.fixture
def schedule(alice: User) -> Schedule:
    return make_schedule(owner=alice, name="Morning tasks")


def fresh(schedule: Schedule) -> Schedule:
    return Schedule.objects.get(pk=schedule.pk)


@pytest.mark.parametrize("verb", VERBS)
def test_a_stranger_finds_nothing(schedule: Schedule, as_bob: Client, verb: str) -> None:
    before = fresh(schedule)

    assert as_bob.post(page_of(schedule, verb), headers=HTMX).status_code == 404
    assert fresh(schedule).enabled == before.enabled
    assert not Execution.objects.exists()


@pytest.mark.parametrize("verb", ["toggle", "run"])
def test_looking_does_nothing(schedule: Schedule, as_alice: Client, verb: str) -> None:
    assert as_alice.get(page_of(schedule, verb)).status_code == 405


# --- on and off -----------------------------------------------------------------------------------


def test_the_switch_pauses_and_says_who(schedule: Schedule, as_alice: Client) -> None:
    response = as_alice.post(page_of(schedule, "toggle"), {"state": "active"}, headers=HTMX)

    assert fresh(schedule).pause_reason == "Paused by alice."
    page = response.content.decode()
    assert f'id="schedule-{schedule.pk}" data-off' in page
    assert "Paused by alice." in text_of(response)
    assert 'hx-swap-oob="beforeend:#toasts"' in page
    assert '<span id="count-paused" hx-swap-oob="true">1</span>' in page
    assert "0 active, 1 paused." in text_of(response)


def test_the_switch_turns_it_on_again(schedule: Schedule, alice: User, as_alice: Client) -> None:
    services.pause_schedule(schedule, by=alice, reason="Holiday.")

    response = as_alice.post(page_of(schedule, "toggle"), {"enabled": "1"}, headers=HTMX)

    assert fresh(schedule).enabled
    assert fresh(schedule).next_execution_at is not None
    assert "data-off" not in response.content.decode()


def test_a_switch_sent_twice_changes_nothing_more(schedule: Schedule, as_alice: Client) -> None:
    answers = [as_alice.post(page_of(schedule, "toggle"), headers=HTMX) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert AuditEvent.objects.filter(action="schedule.paused").count() == 1


def test_the_reason_can_be_said_better(schedule: Schedule, alice: User, as_alice: Client) -> None:
    services.pause_schedule(schedule, by=alice, reason="Holiday.")

    response = as_alice.post(page_of(schedule, "toggle"), {"reason": HOSTILE})

    assert (response.status_code, response["Location"]) == (302, page_of(schedule))
    assert fresh(schedule).pause_reason == HOSTILE
    assert AuditEvent.objects.filter(action="schedule.pause_reason_changed").count() == 1


def test_without_javascript_it_goes_back_where_it_came_from(
    schedule: Schedule, as_alice: Client
) -> None:
    came_from = {"Referer": f"http://testserver{LIST}?state=active"}

    response = as_alice.post(page_of(schedule, "toggle"), headers=came_from)

    assert response["Location"] == f"http://testserver{LIST}?state=active"
    assert [str(each) for each in get_messages(response.wsgi_request)] == [
        "“Morning tasks” is paused."
    ]


def test_a_refused_switch_shows_what_is_true(
    schedule: Schedule, alice: User, as_alice: Client
) -> None:
    services.pause_schedule(schedule, by=alice, reason="Holiday.")
    Schedule.objects.filter(pk=schedule.pk).update(parameters={"tasks": "none"})

    response = as_alice.post(page_of(schedule, "toggle"), {"enabled": "1"}, headers=HTMX)

    assert response.status_code == 409
    assert f'id="schedule-{schedule.pk}" data-off' in response.content.decode()
    assert "tasks" in text_of(response)
    assert not fresh(schedule).enabled


def test_a_refused_switch_without_javascript_says_so_on_the_page(
    schedule: Schedule, alice: User, as_alice: Client
) -> None:
    services.pause_schedule(schedule, by=alice, reason="Holiday.")
    Schedule.objects.filter(pk=schedule.pk).update(parameters={"tasks": "none"})

    response = as_alice.post(page_of(schedule, "toggle"), {"enabled": "1"})

    assert response.status_code == 409
    assert "tasks" in text_of(response)


# --- run now --------------------------------------------------------------------------------------


def test_run_now_starts_a_run_and_links_to_it(schedule: Schedule, as_alice: Client) -> None:
    response = as_alice.post(page_of(schedule, "run"), headers=HTMX)

    execution = Execution.objects.get(schedule=schedule)
    assert execution.triggered_by == Execution.Trigger.MANUAL
    page = response.content.decode()
    assert f"<a href='/runs/{execution.run_id}/'>Open the run</a>" in page
    assert "Running" in text_of(response)


def test_a_second_click_starts_nothing_and_says_so(schedule: Schedule, as_alice: Client) -> None:
    as_alice.post(page_of(schedule, "run"), headers=HTMX)

    response = as_alice.post(page_of(schedule, "run"), headers=HTMX)

    assert response.status_code == 200
    page = response.content.decode()
    assert "Started no second run of “Morning tasks”" in text_of(response)
    assert f"<a href='/runs/{Run.objects.get().pk}/'>the run of " in page
    assert str(Run.objects.get().pk) not in text_of(response)
    assert 'class="toast" data-tone="warning"' in response.content.decode()
    assert Run.objects.count() == 1
    assert Execution.objects.count() == 2


def test_run_now_again_once_it_has_ended(schedule: Schedule, as_alice: Client) -> None:
    as_alice.post(page_of(schedule, "run"))
    settle(Run.objects.get(), timezone.now())

    as_alice.post(page_of(schedule, "run"))

    assert Run.objects.count() == 2


def test_a_refused_run_is_a_conflict(schedule: Schedule, alice: User, as_alice: Client) -> None:
    off = {schedule.operation: {"enabled": False}}
    operations.save_preferences(owner=alice, changes=off, by=alice)

    response = as_alice.post(page_of(schedule, "run"), headers=HTMX)

    assert response.status_code == 409
    assert response["HX-Retarget"] == "#toasts"
    assert not Run.objects.exists()


def test_a_run_without_room_in_the_budget_is_refused_beforehand(
    schedule: Schedule, alice: User, as_alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = operations.estimate_of

    def without_room(**given: Any) -> operations.Forecast:
        return replace(known(**given), refusal="No room in the monthly budget.")

    monkeypatch.setattr(operations, "estimate_of", without_room)

    response = as_alice.post(page_of(schedule, "run"), headers=HTMX)

    assert response.status_code == 409
    assert "No room in the monthly budget." in text_of(response)
    assert not Execution.objects.exists()


def test_the_name_in_a_toast_is_text(alice: User, as_alice: Client) -> None:
    schedule = make_schedule(owner=alice, name=HOSTILE)

    page = as_alice.post(page_of(schedule, "run"), headers=HTMX).content.decode()

    assert "<script>alert" not in page


# --- delete ---------------------------------------------------------------------------------------


def test_deleting_asks_and_says_what_happens(schedule: Schedule, as_alice: Client) -> None:
    make_execution(schedule)

    response = as_alice.get(page_of(schedule, "delete"), headers=asking_for("dialog-body"))

    said = text_of(response)
    assert "Delete “Morning tasks”?" in said
    assert "Its 1 execution and their runs stay in the ledger." in said
    assert "Type its name to confirm" in said
    assert not response.content.lstrip().startswith(b"<!doctype")


def test_one_that_never_ran_is_deleted_at_a_click(schedule: Schedule, as_alice: Client) -> None:
    response = as_alice.post(page_of(schedule, "delete"), headers=HTMX)

    assert response["HX-Redirect"] == LIST
    assert not Schedule.objects.exists()


def test_one_with_history_goes_once_its_name_is_typed(schedule: Schedule, as_alice: Client) -> None:
    make_execution(schedule)

    response = as_alice.post(page_of(schedule, "delete"), {"name": " Morning tasks "})

    assert (response.status_code, response["Location"]) == (302, LIST)
    assert fresh(schedule).is_archived
    assert Run.objects.count() == 1  # history stays


@pytest.mark.parametrize("typed", ["", "morning tasks", "Morning"])
def test_another_name_is_refused(schedule: Schedule, as_alice: Client, typed: str) -> None:
    make_execution(schedule)

    response = as_alice.post(
        page_of(schedule, "delete"), {"name": typed}, headers=asking_for("dialog-body")
    )

    assert response.status_code == 422
    assert 'aria-invalid="true"' in response.content.decode()
    assert not fresh(schedule).is_archived


def test_deleting_twice_is_refused(schedule: Schedule, as_alice: Client) -> None:
    make_execution(schedule)
    for _ in range(2):
        last = as_alice.post(page_of(schedule, "delete"), {"name": "Morning tasks"}, headers=HTMX)

    assert last.status_code == 409


def test_what_is_not_there_is_not_found(as_alice: Client) -> None:
    for verb in VERBS:
        assert as_alice.post(f"/schedules/{uuid7()}/{verb}/").status_code == 404
