from __future__ import annotations

import json
import threading
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import close_old_connections, connection, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from audit import services as audit
from audit.models import AuditEvent, AuditStream
from audit.verification import verify_stream
from core.secrets import Secret


def test_an_event_is_signed_over_the_text_that_is_stored(alice: User) -> None:
    event = audit.record("budget.changed", target="budget:1", by=alice, ip="10.0.0.1")

    event.refresh_from_db()
    text = json.loads(event.text)
    assert (text["actor"], text["action"], text["ip"]) == (
        str(alice.pk),
        "budget.changed",
        "10.0.0.1",
    )
    assert verify_stream(str(alice.pk)).finding is None


def test_each_owner_has_a_chain(alice: User, bob: User) -> None:
    audit.record("thing.made", target="thing:1", by=alice)
    audit.record("thing.made", target="thing:2", by=bob)
    audit.record("thing.swept", target="thing:2", by=None)
    audit.record("thing.changed", target="thing:1", by=bob, owner=alice)

    places = AuditEvent.objects.values_list("stream", "seq")
    assert set(places) == {(str(alice.pk), 1), (str(alice.pk), 2), (str(bob.pk), 1), ("system", 1)}


@pytest.mark.django_db(transaction=True)
def test_recording_outside_a_transaction_is_refused(alice: User) -> None:
    with pytest.raises(TransactionManagementError, match="inside its transaction"):
        audit.record("thing.made", target="thing:1", by=alice)


@pytest.mark.django_db(transaction=True)
def test_a_record_falls_with_its_transaction(alice: User) -> None:
    with transaction.atomic():
        audit.record("thing.made", target="thing:1", by=alice)
        transaction.set_rollback(True)

    assert not AuditEvent.objects.exists()
    assert not AuditStream.objects.exists()


def test_money_is_kept_as_a_string(alice: User) -> None:
    event = audit.record(
        "budget.changed", target="budget:1", by=alice, after={"limit_usd": Decimal("1E-9")}
    )

    assert json.loads(event.detail.text) == {"after": {"limit_usd": "0.000000001"}}


@pytest.mark.parametrize(
    "after",
    [
        {"api_key": "canary-4711-value"},
        {"note": "password=canary-4711-value"},
        {"nested": [{"webhook_secret": "canary-4711-value"}]},
        {"key": Secret("canary-4711-value")},
        {"url": "postgres://helix:canary-4711-value@db/helix"},
    ],
)
def test_a_secret_is_never_in_a_detail(alice: User, after: dict[str, object]) -> None:
    event = audit.record("thing.made", target="thing:1", by=alice, after=after)

    assert "canary-4711-value" not in event.detail.text


@pytest.mark.parametrize("text", ["a\x00b", "lone \ud800 surrogate", "Grüße", "∞"])
def test_any_text_can_be_recorded(alice: User, text: str) -> None:
    audit.record("thing.made", target="thing:1", by=alice, after={"name": text, "x": float("inf")})

    assert verify_stream(str(alice.pk)).finding is None


def test_recording_takes_at_most_four_statements(
    alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(2):  # the first opens the stream
        with django_assert_max_num_queries(4):
            audit.record("thing.made", target="thing:1", by=alice, after={"name": "x"})


def test_the_stream_is_locked_before_its_end_is_read(alice: User) -> None:
    audit.record("thing.made", target="thing:1", by=alice)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        audit.record("thing.made", target="thing:1", by=alice)

    if connection.vendor == "postgresql":
        assert queries[0]["sql"].endswith("FOR UPDATE")


@pytest.mark.django_db(transaction=True)
def test_concurrent_writers_make_one_chain(alice: User) -> None:
    start = threading.Barrier(4)
    errors: list[BaseException] = []

    def write() -> None:
        try:
            start.wait()
            for number in range(10):
                with transaction.atomic():
                    audit.record("thing.made", target=f"thing:{number}", by=alice)
        except BaseException as error:  # noqa: BLE001 - the test's own thread must see it
            errors.append(error)
        finally:
            connection.close()
            close_old_connections()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert verify_stream(str(alice.pk)).entries == 40
    assert verify_stream(str(alice.pk)).finding is None


def test_people_see_their_own_stream_and_so_does_staff(alice: User, bob: User, sam: User) -> None:
    audit.record("thing.made", target="thing:1", by=alice)

    assert AuditEvent.objects.visible_to(alice).count() == 1
    assert AuditEvent.objects.visible_to(bob).count() == 0
    assert AuditEvent.objects.visible_to(AnonymousUser()).count() == 0
    assert AuditEvent.objects.visible_to(sam).count() == 0
