from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from accounts.models import User
from audit import append_only, chain, exports
from audit import services as audit
from audit.models import AuditEvent
from scheduling import services as schedules
from tests.builders import make_user
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

HOSTILE = '=HYPERLINK("http://evil.example","x")'


def record(by: User | None, name: str, *, action: str = "thing.made", **more: Any) -> AuditEvent:
    with transaction.atomic():
        return audit.record(action, target="thing:1", by=by, after={"name": name}, **more)


def rows(client: Client, query: str = "") -> list[dict[str, str]]:
    text = client.get(f"/audit/export/{query}").getvalue().decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def told(client: Client, query: str = "?") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        client.get(f"/audit/export/{query}&format=json").getvalue()
    )
    return found


def names(client: Client, query: str = "?") -> list[str]:
    return [entry["after"]["name"] for entry in told(client, query)]


def test_an_entry_is_told_as_on_the_page_and_as_it_was_signed(
    alice: User, as_alice: Client
) -> None:
    schedule = schedules.create_schedule(
        owner=alice,
        by=alice,
        operation="task-breakdown",
        type="manual",
        name=HOSTILE,
        parameters={"title": "Write the report"},
    )
    schedules.pause_schedule(schedule, by=None, reason="-Dear")

    paused, created = told(as_alice)

    assert list(paused) == list(exports.COLUMNS)
    assert paused["sentence"] == f"Paused schedule “{HOSTILE}”: -Dear"
    assert (paused["actor"], paused["actor_id"], paused["fault"]) == (None, None, None)
    assert (paused["before"], paused["after"]) == (None, {"reason": "-Dear"})
    assert (created["actor"], created["actor_id"]) == ("alice", str(alice.pk))
    assert created["name"] == HOSTILE
    assert chain.sign(created["text"]) == created["hash"]
    assert [row["name"] for row in rows(as_alice)] == [f"'{HOSTILE}", f"'{HOSTILE}"]


def test_people_export_their_own_log_only(
    alice: User, bob: User, sam: User, as_alice: Client, as_sam: Client
) -> None:
    record(alice, "mine")
    record(bob, "another")
    record(None, "of the system")

    assert names(as_alice) == ["mine"]
    assert names(as_sam) == []
    assert rows(as_sam) == []


def test_filters_are_kept(alice: User, as_alice: Client) -> None:
    record(alice, "one")
    record(alice, "two&", action="thing.changed")
    record(None, "three", owner=alice)

    assert names(as_alice, "?who=system") == ["three"]
    assert names(as_alice, "?action=thing.changed") == ["two&"]
    assert names(as_alice, "?q=one") == ["one"]
    html = as_alice.get("/audit/?who=me&action=thing.changed&q=t%22w&cursor=x").content.decode()
    assert "export-csv" not in html  # nothing fits
    html = as_alice.get("/audit/?who=me&action=thing.changed&q=two%26&cursor=x").content.decode()
    address = escape("/audit/export/?q=two%26&who=me&action=thing.changed&format=")
    assert f'href="{address}csv" download' in html
    assert f'href="{address}json" download' in html


def test_days_are_the_readers() -> None:
    berta = make_user("berta", zone="Asia/Tokyo")
    for hour in (14, 16):  # Tokyo's midnight is 15:00 UTC
        with time_machine.travel(datetime(2026, 11, 21, hour, tzinfo=UTC), tick=False):
            record(berta, f"at {hour}")
    client = signed_in(berta)

    assert names(client, "?from=2026-11-22") == ["at 16"]
    assert names(client, "?to=2026-11-21") == ["at 14"]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("?from=yesterday", "“yesterday” is no date"),
        ("?from=2026-11-22&to=2026-11-21", "The period ends before it begins."),
        ("?who=nobody", "There is no who “nobody”."),
        ("?action=%00", "There is no action “”."),
    ],
)
def test_what_cannot_be_read_is_no_file_of_everything(
    alice: User, as_alice: Client, query: str, problem: str
) -> None:
    record(alice, "mine")

    response = as_alice.get(f"/audit/export/{query}")

    assert response.status_code == 409
    assert problem in response.content.decode()


def test_a_file_tells_what_was_changed_afterwards(alice: User, as_alice: Client) -> None:
    record(alice, "mine")
    append_only.remove(connection, "update")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_events SET action = 'thing.undone'")

    (entry,) = told(as_alice)

    assert entry["action"] == "thing.undone"
    assert entry["fault"]


def test_more_entries_cost_no_more_queries(alice: User, as_alice: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert as_alice.get("/audit/export/").getvalue()
        return len(found)

    record(alice, "one")
    few = min(queries() for _ in range(2))
    for number in range(30):
        record(alice, f"{number}")

    assert queries() == few <= 6


def test_other_formats_methods_and_visitors(as_alice: Client) -> None:
    response = as_alice.get("/audit/export/")
    assert 'filename="audit-log-alice-' in response["Content-Disposition"]
    assert as_alice.get("/audit/export/?format=xml").status_code == 404
    assert as_alice.post("/audit/export/").status_code == 405
    assert Client().get("/audit/export/").status_code == 302
