from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from accounts.models import User
from audit.models import AuditEvent
from core.ids import uuid7
from operations.models import Run
from scheduling import bulk, services
from scheduling.models import Schedule
from tests.scheduling.builders import make_schedule, utc
from tests.scheduling.test_views.kit import (
    HOSTILE,
    HTMX,
    LIST,
    asking_for,
    make_execution,
    text_of,
)

CHANGE = "/schedules/change/"
LATER = utc("2036-11-21 06:00")  # none is due


@pytest.fixture
def three(alice: User) -> list[Schedule]:
    return [make_schedule(owner=alice, name=f"No {number}", next_at=LATER) for number in range(3)]


def ask(client: Client, action: str, schedules: Iterable[Schedule], query: str = "") -> Any:
    ticked = "".join(f"&pk={schedule.pk}" for schedule in schedules)
    return client.get(f"{CHANGE}?do={action}{ticked}{query}", headers=asking_for("dialog-body"))


def do(
    client: Client,
    action: str,
    schedules: Iterable[Schedule],
    headers: dict[str, str] | None = None,
    **more: str,
) -> Any:
    ids = " ".join(str(schedule.pk) for schedule in schedules)
    return client.post(CHANGE, {"do": action, "ids": ids, **more}, headers=headers)


def paused() -> list[str]:
    return sorted(Schedule.objects.filter(enabled=False).values_list("name", flat=True))


def said(response: Any) -> list[str]:
    return [str(each) for each in get_messages(response.wsgi_request)]


# --- the list -------------------------------------------------------------------------------------


def test_rows_can_be_ticked_for_the_bar(three: list[Schedule], as_alice: Client) -> None:
    page = as_alice.get(f"{LIST}?state=active&q=no").content.decode()

    for schedule in three:
        assert f'name="pk" value="{schedule.pk}" form="bulk"' in page
    assert '<input type="hidden" name="state" value="active">' in page
    assert "bulk-all" not in page  # all that fit are on the page


def test_all_that_fit_can_be_meant(alice: User, as_alice: Client) -> None:
    for number in range(27):
        make_schedule(owner=alice, name=f"No {number}")
    make_schedule(owner=alice, name="Other")

    assert "Apply to all 28" in text_of(as_alice.get(LIST))
    assert "Apply to all 27 that fit" in text_of(as_alice.get(f"{LIST}?q=no"))


# --- asking ---------------------------------------------------------------------------------------


def test_the_question_names_count_and_effect(three: list[Schedule], as_alice: Client) -> None:
    services.pause_schedule(three[2], by=None, reason="x")

    response = ask(as_alice, "pause", three)

    told = text_of(response)
    assert response.content.lstrip().startswith(b'<div id="dialog-body">')
    assert "Pause 2 schedules?" in told
    assert "They stop firing until resumed." in told
    assert "No 0" in told
    assert "1 of those you chose is paused already and stays as it is." in told
    assert 'name="reason"' in response.content.decode()
    assert paused() == ["No 2"]


def test_resuming_says_that_nothing_is_made_up_for(three: list[Schedule], as_alice: Client) -> None:
    services.pause_schedule(three[0], by=None, reason="x")

    told = text_of(ask(as_alice, "resume", three))

    assert "Resume 1 schedule?" in told
    assert "It fires again from now on. What was due meanwhile is not made up for." in told
    assert "2 of those you chose are on already and stay as they are." in told


def test_deleting_tells_those_with_a_history_from_those_without(
    three: list[Schedule], as_alice: Client
) -> None:
    make_execution(three[0])

    told = text_of(ask(as_alice, "delete", three))

    assert "Delete 3 schedules?" in told
    assert "1 leaves the list and never fires again; executions and runs stay" in told
    assert "2 never ran, so nothing of them stays. This cannot be undone." in told
    assert "Type how many to confirm" in told


def test_all_are_those_of_the_filter(three: list[Schedule], alice: User, as_alice: Client) -> None:
    make_schedule(owner=alice, name="Other")

    response = ask(as_alice, "pause", [], "&all=1&q=no&state=active")

    assert "Pause 3 schedules?" in text_of(response)
    page = response.content.decode()
    assert '<input type="hidden" name="q" value="no">' in page
    assert all(str(schedule.pk) in page for schedule in three)


def test_failing_ones_can_be_paused_together(three: list[Schedule], as_alice: Client) -> None:
    make_execution(three[1], status=Run.Status.FAILED)

    response = ask(as_alice, "pause", [], "&all=1&state=failing")

    assert "Pause 1 schedule?" in text_of(response)
    assert str(three[1].pk) in response.content.decode()


def test_more_than_can_be_changed_at_once_is_told(
    three: list[Schedule], as_alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST", 2)

    told = text_of(ask(as_alice, "pause", [], "&all=1"))

    assert "Pause 2 schedules?" in told
    assert "3 fit; at most 2 are changed at once, the newest." in told


@pytest.mark.parametrize("query", ["", "&pk=", "&pk=nonsense", "&pk=%00"])
def test_nothing_ticked_is_refused(three: list[Schedule], as_alice: Client, query: str) -> None:
    response = ask(as_alice, "pause", [], query)

    assert response.status_code == 409
    assert response["HX-Retarget"] == "#toasts"
    assert "Nothing to pause: tick the schedules you mean." in text_of(response)


def test_nothing_to_do_is_refused(three: list[Schedule], as_alice: Client) -> None:
    response = ask(as_alice, "resume", three)

    assert response.status_code == 409
    assert "what you chose is on already" in text_of(response)


def test_there_are_no_other_actions(three: list[Schedule], as_alice: Client) -> None:
    assert ask(as_alice, "run", three).status_code == 404
    assert as_alice.get(CHANGE).status_code == 404
    assert as_alice.put(CHANGE).status_code == 405


def test_names_are_text(alice: User, as_alice: Client) -> None:
    schedule = make_schedule(owner=alice, name=HOSTILE)

    page = ask(as_alice, "pause", [schedule], f"&q={'%22%3E%3Cscript%3E'}").content.decode()

    assert f'<li class="wrap-anywhere">{escape(HOSTILE)}</li>' in page
    assert "<script>" not in page


# --- doing ----------------------------------------------------------------------------------------


def test_what_was_asked_about_is_done(three: list[Schedule], as_alice: Client) -> None:
    response = do(as_alice, "pause", three[:2], reason="Holiday.", state="active", q="no")

    assert (response.status_code, response["Location"]) == (302, f"{LIST}?state=active&q=no")
    assert said(response) == ["Paused 2 schedules."]
    assert paused() == ["No 0", "No 1"]
    assert Schedule.objects.get(name="No 0").pause_reason == "Holiday."
    assert AuditEvent.objects.filter(action="schedule.paused").count() == 2


def test_htmx_is_sent_back_to_the_list(three: list[Schedule], as_alice: Client) -> None:
    response = do(as_alice, "pause", three, reason="x", headers=HTMX)

    assert response["HX-Redirect"] == LIST


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_a_pause_needs_a_reason(three: list[Schedule], as_alice: Client, reason: str) -> None:
    response = do(as_alice, "pause", three, reason=reason)

    assert response.status_code == 422
    assert 'aria-invalid="true"' in response.content.decode()
    assert all(str(schedule.pk) in response.content.decode() for schedule in three)
    assert paused() == []


def test_deleting_a_history_asks_for_the_number(three: list[Schedule], as_alice: Client) -> None:
    make_execution(three[0])

    refused = do(as_alice, "delete", three, number="2")
    assert refused.status_code == 422
    assert "Type 3: that many are deleted." in text_of(refused)
    assert Schedule.objects.current().count() == 3

    assert said(do(as_alice, "delete", three, number="3")) == ["Deleted 3 schedules."]
    assert not Schedule.objects.current().exists()
    assert Run.objects.count() == 1  # history stays


def test_deleting_without_a_history_asks_once(three: list[Schedule], as_alice: Client) -> None:
    assert "Type how many" not in text_of(ask(as_alice, "delete", three))
    assert said(do(as_alice, "delete", three[:1])) == ["Deleted 1 schedule."]


def test_those_that_refuse_are_told_by_name(three: list[Schedule], as_alice: Client) -> None:
    for schedule in three:
        services.pause_schedule(schedule, by=None, reason="x")
    Schedule.objects.filter(pk=three[1].pk).update(parameters={"tasks": "none"}, name=HOSTILE)

    response = do(as_alice, "resume", three, state="paused")

    page = response.content.decode()
    assert response.status_code == 200
    assert "Resumed 2, 1 refused" in text_of(response)
    assert escape(HOSTILE) in page
    assert "tasks" in text_of(response)
    assert f'href="{LIST}?state=paused"' in page
    assert paused() == [HOSTILE]


def test_what_was_done_meanwhile_is_not_done_again(three: list[Schedule], as_alice: Client) -> None:
    services.pause_schedule(three[0], by=None, reason="Mine.")

    response = do(as_alice, "pause", three, reason="x")

    assert said(response) == ["Paused 2 schedules."]
    assert Schedule.objects.get(name="No 0").pause_reason == "Mine."


# --- doors ----------------------------------------------------------------------------------------


def test_a_stranger_reaches_nothing(three: list[Schedule], as_bob: Client, as_sam: Client) -> None:
    for stranger in (as_bob, as_sam):
        assert ask(stranger, "pause", three).status_code == 409
        assert do(stranger, "pause", three, reason="x").status_code == 409
        assert ask(stranger, "delete", [], "&all=1").status_code == 409
        assert do(stranger, "delete", [], all="1").status_code == 409
    assert paused() == []
    assert Schedule.objects.current().count() == 3


def test_what_is_not_there_is_left_out(three: list[Schedule], as_alice: Client) -> None:
    ghost = Schedule(pk=uuid7())

    assert said(do(as_alice, "pause", [*three, ghost], reason="x")) == ["Paused 3 schedules."]


def test_the_question_costs_no_more_queries_for_more(alice: User, as_alice: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert ask(as_alice, "delete", [], "&all=1").status_code == 200
        return len(found)

    make_schedule(owner=alice)
    few = min(queries() for _ in range(2))
    for _ in range(30):
        make_schedule(owner=alice)

    assert queries() == few <= 12
