from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from audit import append_only, verification
from audit import services as audit
from audit.models import AuditEvent
from scheduling import services as schedules
from scheduling.models import Schedule
from tests.builders import make_user
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true", "HX-Target": "event-table"}


def record(by: User | None, name: str, *, action: str = "thing.made", **more: Any) -> AuditEvent:
    with transaction.atomic():
        return audit.record(action, target="thing:1", by=by, after={"name": name}, **more)


def shown(client: Client, query: str = "") -> list[str]:
    """Return the names in the list, newest first."""
    html = client.get(f"/audit/{query}", headers=HTMX).content.decode()
    return re.findall(r'<th scope="row">name</th><td class="wrap-anywhere">([^<]*)</td>', html)


def make_schedule(owner: User, name: str) -> Schedule:
    return schedules.create_schedule(
        owner=owner,
        by=owner,
        operation="task-breakdown",
        type="manual",
        name=name,
        parameters={"title": "Write the report"},
    )


def test_people_see_their_own_log_only(alice: User, bob: User, as_alice: Client) -> None:
    record(alice, "mine")
    record(bob, "another")
    record(None, "of the system")

    assert shown(as_alice) == ["mine"]


def test_staff_see_no_more(alice: User, sam: User, as_sam: Client) -> None:
    record(alice, "another")
    record(None, "of the system")
    record(sam, "mine")

    assert shown(as_sam) == ["mine"]


def test_an_entry_is_a_sentence_with_before_and_after(alice: User, as_alice: Client) -> None:
    schedule = make_schedule(alice, "Nightly")
    schedules.pause_schedule(schedule, by=alice, reason="Too <b>dear</b>.")

    html = as_alice.get("/audit/").content.decode()

    assert "Paused schedule “Nightly”: Too &lt;b&gt;dear&lt;/b&gt;.</summary>" in html
    assert f'href="/schedules/{schedule.pk}/">Nightly</a>' in html
    assert "Created schedule “Nightly”.</summary>" in html
    assert "<b>dear</b>" not in html


def test_a_deleted_thing_keeps_the_name_it_had(alice: User, as_alice: Client) -> None:
    schedules.delete_schedule(make_schedule(alice, "Nightly"), by=alice)

    html = as_alice.get("/audit/").content.decode()

    assert "Deleted schedule “Nightly”, which had never fired." in html
    assert "/schedules/0" not in html


def test_who_did_it_narrows_the_list(alice: User, bob: User, as_alice: Client) -> None:
    record(alice, "by me")
    record(None, "by the system", owner=alice)
    record(bob, "by bob", owner=alice)

    assert shown(as_alice, "?who=me") == ["by me"]
    assert shown(as_alice, "?who=system") == ["by the system"]
    assert shown(as_alice, "?who=others") == ["by bob"]
    assert shown(as_alice, "?who=nonsense") == ["by bob", "by the system", "by me"]


def test_somebody_who_is_gone_is_told_by_their_id(alice: User, as_alice: Client) -> None:
    gone = make_user("carol")
    key = str(gone.pk)
    record(gone, "by carol", owner=alice)
    gone.delete()

    html = as_alice.get("/audit/?who=others").content.decode()
    assert key in html


def test_the_action_narrows_the_list(alice: User, as_alice: Client) -> None:
    record(alice, "made")
    record(alice, "changed", action="thing.changed")

    assert shown(as_alice, "?action=thing.changed") == ["changed"]
    html = as_alice.get("/audit/?action=thing.changed").content.decode()
    assert '<option value="thing.changed" selected>Thing changed</option>' in html
    assert '<option value="schedule.paused">Schedule paused</option>' in html


def test_an_object_is_found_by_its_name_then_and_now(alice: User, as_alice: Client) -> None:
    schedule = make_schedule(alice, "Früh")
    schedules.change_schedule(schedule, by=alice, name="Late")
    schedules.pause_schedule(schedule, by=alice, reason="Dear.")
    record(alice, "else")

    def sentences(query: str) -> list[str]:
        html = as_alice.get(f"/audit/?q={query}", headers=HTMX).content.decode()
        return re.findall(r"<summary[^>]*>([^<]*)</summary>", html)

    assert len(sentences("late")) == 3  # as it is called now: each entry about it
    assert len(sentences("Früh")) == 2  # created, and changed from
    assert sentences("else") == ["Thing made."]
    assert len(sentences(str(schedule.pk))) == 3
    assert sentences("100%") == []
    assert sentences("%00else%00") == ["Thing made."]  # PostgreSQL has no such text


def test_dates_are_days_of_the_reader() -> None:
    berta = make_user("berta", zone="Asia/Tokyo")
    for hour in (14, 16):  # Tokyo's midnight is 15:00 UTC
        with time_machine.travel(datetime(2026, 11, 21, hour, tzinfo=UTC), tick=False):
            record(berta, f"at {hour}")
    client = signed_in(berta)

    assert shown(client, "?from=2026-11-22") == ["at 16"]
    assert shown(client, "?to=2026-11-21") == ["at 14"]
    assert shown(client, "?from=2026-11-21&to=2026-11-22") == ["at 16", "at 14"]
    html = client.get("/audit/").content.decode()
    assert html.index("Sunday 22 November 2026") < html.index("Saturday 21 November 2026")
    assert ">01:00</time>" in html


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("?from=yesterday", "“yesterday” is no date"),
        ("?to=9999-12-31", "“9999-12-31” is no date"),
        ("?from=0001-01-01", "“0001-01-01” is no date"),
        ("?from=2026-11-22&to=2026-11-21", "The period ends before it begins."),
    ],
)
def test_a_date_that_is_none_is_told(
    alice: User, as_alice: Client, query: str, problem: str
) -> None:
    record(alice, "mine")

    response = as_alice.get(f"/audit/{query}")

    assert response.status_code == 200
    assert problem in response.content.decode()


def test_older_entries_are_pages_away_and_keep_the_filters(alice: User, as_alice: Client) -> None:
    for number in range(52):
        record(alice, f"no {number}")

    first = as_alice.get("/audit/?who=me", headers=HTMX).content.decode()
    (beyond,) = re.findall(r'href="(\?who=me&amp;cursor=[^"]+)" rel="next"', first)

    assert first.startswith('<div class="stack" id="event-table">')
    assert shown(as_alice, "?who=me")[0] == "no 51"
    assert shown(as_alice, unescape(beyond)) == ["no 1", "no 0"]


@pytest.mark.parametrize(
    ("query", "told"), [("", "Nothing is recorded yet"), ("?who=system", "No entry fits")]
)
def test_an_empty_list_says_so(as_alice: Client, query: str, told: str) -> None:
    assert told in as_alice.get(f"/audit/{query}").content.decode()


def test_the_state_of_the_chain_is_told(alice: User, as_alice: Client) -> None:
    record(alice, "one")
    event = record(alice, "two")

    html = as_alice.get("/audit/").content.decode()

    assert "The 2 entries shown are as signed." in html
    assert "The chain ends at entry 2 (" in html
    assert event.hash[:12] in html
    assert [report.finding for report in verification.verify()] == [None]


@pytest.mark.parametrize("is_detail", [False, True])
def test_an_entry_that_was_changed_is_told(
    alice: User, as_alice: Client, *, is_detail: bool
) -> None:
    event = record(alice, "mine")
    append_only.remove(connection, "update")
    with connection.cursor() as cursor:
        if is_detail:
            cursor.execute("UPDATE audit_details SET text = %s", ['{"after":{"name":"x"}}'])
        else:
            cursor.execute("UPDATE audit_events SET action = 'thing.undone'")

    html = as_alice.get("/audit/").content.decode()

    assert "This log was tampered with." in html
    assert f"Entry {event.seq}: " in html
    assert "Changed afterwards" in html
    assert "are as signed" not in html


def test_no_page_grows(alice: User, as_alice: Client) -> None:
    def fill(count: int) -> None:
        for number in range(count):
            schedule = make_schedule(alice, f"No {number}")
            schedules.pause_schedule(schedule, by=None, reason="x")

    def queries() -> int:
        as_alice.get("/audit/?q=no")  # fills what a process keeps for some seconds
        with CaptureQueriesContext(connection) as captured:
            as_alice.get("/audit/?q=no")
        return len(captured)

    fill(1)
    few = queries()
    fill(15)

    assert queries() == few <= 12


def test_the_log_takes_a_get_of_somebody_signed_in(as_alice: Client) -> None:
    assert as_alice.post("/audit/").status_code == 405
    assert Client().get("/audit/")["Location"] == f"{reverse('sign_in')}?next=/audit/"
