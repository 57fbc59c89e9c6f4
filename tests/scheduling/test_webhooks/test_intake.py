"""What the sender hears and what is written down, whatever comes in."""

from __future__ import annotations

import json
import logging
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from accounts.models import User
from core import secrets
from core.ids import uuid7
from core.secrets import Secret
from operations import services as operations
from operations.models import Run
from scheduling import services
from scheduling.models import Execution, Schedule, WebhookEvent
from scheduling.webhooks import intake
from tests.scheduling.builders import TASKS, make_schedule, settle, utc
from tests.scheduling.test_webhooks.kit import BODY, deliver, make_webhook, signed, told
from tests.scheduling.test_webhooks.rows import every_text

DIALECTS = ["standard", "hex", "github", "stripe"]


def event() -> WebhookEvent:
    return WebhookEvent.objects.get()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_signed_delivery_starts_a_run(alice: User, dialect: str) -> None:
    schedule = make_webhook(alice, dialect)

    response = deliver(schedule)

    execution = Execution.objects.get()
    assert response.status_code == 202
    assert response.json() == {
        "accepted": True,
        "schedule_id": str(schedule.pk),
        "execution_id": str(execution.pk),
        "status": "pending",
    }
    assert execution.run is not None
    assert (execution.run.origin, execution.run.owner) == (Run.Origin.WEBHOOK, alice)
    assert execution.run.parameters["tasks"][0]["title"] == TASKS["tasks"][0]["title"]
    assert (execution.triggered_by, event().execution) == ("webhook", execution)
    assert execution.expected_at == event().received_at
    assert (event().verdict, event().is_verified, event().dialect) == ("accepted", True, dialect)
    assert (event().payload, event().size) == (BODY.decode(), len(BODY))
    assert len(event().signature) == 20
    schedule.refresh_from_db()
    assert (schedule.execution_count, schedule.running_execution) == (1, execution)


def test_the_twin_address_does_the_same(alice: User) -> None:
    schedule = make_webhook(alice)

    response = deliver(schedule, path=f"/functions/v1/webhook-trigger?id={schedule.pk}")

    assert response.status_code == 202
    assert response.json()["execution_id"] == str(Execution.objects.get().pk)


def test_an_address_without_its_last_slash_is_the_same(alice: User) -> None:
    schedule = make_webhook(alice)

    assert deliver(schedule, path=schedule.webhook_path.rstrip("/")).status_code == 202


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_405(alice: User, method: str) -> None:
    schedule = make_webhook(alice)

    response = Client().generic(method, schedule.webhook_path, BODY, "application/json")

    assert (response.status_code, response["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("status", "code", "body", "more"),
    [
        (411, "no_length", BODY, {"CONTENT_LENGTH": ""}),
        (411, "no_length", BODY, {"CONTENT_LENGTH": "-1"}),
        (411, "no_length", BODY, {"HTTP_TRANSFER_ENCODING": "chunked"}),
        (413, "too_large", BODY, {"CONTENT_LENGTH": str(256 * 1024 + 1)}),
        (413, "too_large", b'"' + b"x" * 256 * 1024 + b'"', {}),
        (415, "wrong_type", BODY, {"content_type": "text/plain"}),
        (415, "wrong_type", BODY, {"content_type": "application/x-www-form-urlencoded"}),
        (415, "wrong_type", BODY, {"content_type": ""}),
        (415, "wrong_type", BODY, {"content_type": "application/json; charset=utf-16"}),
        (415, "wrong_type", BODY, {"content_type": "multipart/form-data; boundary=x"}),
        (400, "malformed", b"", {"CONTENT_LENGTH": "0", "CONTENT_TYPE": "application/json"}),
        (400, "malformed", b"{", {}),
        (400, "malformed", b'{"a": NaN}', {}),
        (400, "malformed", b'{"a": -Infinity}', {}),
        (400, "malformed", b'{"a": 1e999}', {}),
        (400, "malformed", b'{"a": ' + b"9" * 400 + b"}", {}),
        (400, "malformed", b'{"a": ' + b"9" * 5_000 + b"}", {}),
        (400, "malformed", b'{"a": "\\u0000"}', {}),
        (400, "malformed", b'{"\\u0000": 1}', {}),
        (400, "malformed", b'{"a": "\x00"}', {}),
        (400, "malformed", b'{"a": "\\ud800"}', {}),
        (400, "malformed", b'{"\\udfff": 1}', {}),
        (400, "malformed", b'{"a": "\xff"}', {}),
        (400, "malformed", b"\xef\xbb\xbf{}", {}),
        (400, "malformed", '{"a": 1}'.encode("utf-16"), {}),
        (400, "malformed", b"[" * 100_000, {}),
        (400, "malformed", b'{"a":' * 30 + b"1" + b"}" * 30, {}),
        (400, "malformed", b"[]", {}),
        (400, "malformed", b'"text"', {}),
        (400, "malformed", b"null", {}),
        (400, "unfit", b'{"tasks": "none"}', {}),
        (400, "unfit", b'{"tasks": [], "colour": 1}', {}),
    ],
)
def test_what_does_not_fit_is_refused_with_its_reason(
    alice: User, status: int, code: str, body: bytes, more: dict[str, Any]
) -> None:
    schedule = make_webhook(alice)

    response = deliver(schedule, body, **more)

    assert (response.status_code, response.json()["error"]) == (status, code)
    assert (event().code, event().status, event().verdict) == (code, status, "refused")
    assert event().reason
    assert not Execution.objects.exists()
    assert not Run.objects.exists()


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/ld+json"])
def test_json_has_several_types(alice: User, kind: str) -> None:
    assert deliver(make_webhook(alice), content_type=kind).status_code == 202


def test_a_refused_delivery_may_be_sent_again_mended(alice: User) -> None:
    schedule = make_webhook(alice)
    wrong, right = told(tasks="none"), told(tasks=[{"id": "7", "title": "Call"}])

    first = deliver(schedule, wrong, signed(schedule, wrong, message_id="msg_1"))
    second = deliver(schedule, right, signed(schedule, right, message_id="msg_1"))

    assert (first.status_code, second.status_code) == (400, 202)
    assert Run.objects.get().parameters["tasks"][0]["title"] == "Call"


def test_a_payload_that_names_a_parameter_goes_over_the_fixed_ones(alice: User) -> None:
    schedule = make_webhook(
        alice, operation="task-breakdown", parameters={"title": "Fixed", "max_steps": 4}
    )

    deliver(schedule, told(title="Moved by a webhook"))

    parameters = Run.objects.get().parameters
    assert (parameters["title"], parameters["max_steps"]) == ("Moved by a webhook", 4)


def test_what_the_payload_must_bring_and_does_not_is_named(alice: User) -> None:
    schedule = make_webhook(alice, operation="task-breakdown", parameters={})

    response = deliver(schedule, told(event="push"))

    assert response.status_code == 400
    assert "title is required" in response.json()["message"]


def test_numbers_of_a_payload_that_is_not_ours_may_be_large(alice: User) -> None:
    assert deliver(make_webhook(alice), told(sent_ns=1_763_781_000_000_000_000)).status_code == 202


# --- who may not sign learns nothing --------------------------------------------------------------


def heard(response: Any) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Return all that a sender hears, but for the id of their request."""
    headers = [(name, text) for name, text in response.items() if name != "X-Request-ID"]
    return response.status_code, response.content, sorted(headers)


def test_all_that_is_not_let_in_hears_the_same(alice: User, bob: User) -> None:
    schedule, paused, archived = (make_webhook(alice) for _ in range(3))
    cron = make_schedule(owner=bob)
    good = signed(paused)
    services.pause_schedule(paused, by=alice, reason="Holidays")
    deliver(archived)
    archived_headers = signed(archived)
    services.delete_schedule(archived, by=alice, confirmed=True)
    WebhookEvent.objects.all().delete()

    wrong = deliver(schedule, headers=signed(schedule, b"{}"))
    others = {
        "unsigned": deliver(schedule, headers={}),
        "stale": deliver(
            schedule, headers=signed(schedule, now=timezone.now() - timedelta(hours=1))
        ),
        "paused": deliver(paused, headers=good),
        "archived": deliver(archived, headers=archived_headers),
        "not_webhook": deliver(schedule, path=f"/webhooks/schedules/{cron.pk}/"),
        "unknown": deliver(schedule, path=f"/webhooks/schedules/{uuid7()}/"),
    }
    odd = [
        deliver(schedule, path="/webhooks/schedules/odd%00id/"),
        deliver(schedule, path="/functions/v1/webhook-trigger"),
        deliver(schedule, path="/functions/v1/webhook-trigger?id=%ff%00"),
    ]

    assert wrong.status_code == 401
    assert {name: heard(each) for name, each in others.items()} == dict.fromkeys(
        others, heard(wrong)
    )
    assert [heard(each) for each in odd] == [heard(wrong)] * 3
    codes = list(WebhookEvent.objects.order_by("id").values_list("code", flat=True))
    assert codes == ["bad_signature", *others, "unknown", "unknown", "unknown"]
    assert not Execution.objects.exclude(schedule=archived).exists()


def test_of_an_unknown_address_nothing_is_kept_but_who_asked(alice: User) -> None:
    deliver(make_webhook(alice), path=f"/webhooks/schedules/{uuid7()}/")

    assert (event().schedule, event().address, event().reason) == (
        None,
        "127.0.0.1",
        "There is no such schedule.",
    )
    kept = (event().payload, event().signature, event().message_id, event().body_digest)
    assert kept == ("", "", "", "")
    assert list(WebhookEvent.objects.visible_to(alice)) == []


def test_a_payload_that_nobody_signed_is_not_kept(alice: User) -> None:
    deliver(make_webhook(alice), headers={"webhook-id": "m", "webhook-signature": "v1,AAAA"})

    assert (event().code, event().payload) == ("bad_signature", "")


def test_strangers_do_not_see_the_events(alice: User, bob: User) -> None:
    deliver(make_webhook(alice))

    assert WebhookEvent.objects.visible_to(alice).count() == 1
    assert WebhookEvent.objects.visible_to(bob).count() == 0


def test_each_refusal_is_a_line_of_the_log(alice: User, caplog: pytest.LogCaptureFixture) -> None:
    schedule = make_webhook(alice)
    caplog.set_level(logging.INFO, "scheduling")

    deliver(schedule, headers={})

    assert f"Webhook {schedule.pk} from 127.0.0.1: 401 unsigned" in caplog.messages


# --- once, and not twice --------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_delivery_that_comes_again_starts_nothing(alice: User, dialect: str) -> None:
    schedule = make_webhook(alice, dialect)
    body = told(id="evt_1")
    headers = signed(schedule, body, message_id="msg_1")

    first = deliver(schedule, body, headers)
    settle(Run.objects.get(), timezone.now())
    second = deliver(schedule, body, headers)

    assert (first.status_code, second.status_code) == (202, 200)
    assert second.json() == first.json() | {"duplicate": True, "status": "success"}
    assert Run.objects.count() == Execution.objects.count() == 1
    assert list(WebhookEvent.objects.values_list("verdict", flat=True)) == ["duplicate", "accepted"]


@pytest.mark.parametrize("dialect", ["standard", "github", "stripe"])
def test_an_id_that_comes_again_with_another_body_is_a_conflict(alice: User, dialect: str) -> None:
    schedule = make_webhook(alice, dialect)
    one, other = told(id="evt_1", amount=1), told(id="evt_1", amount=2)

    first = deliver(schedule, one, signed(schedule, one, message_id="msg_1"))
    second = deliver(schedule, other, signed(schedule, other, message_id="msg_1"))

    assert (first.status_code, second.status_code) == (202, 409)
    assert second.json()["error"] == "conflict"
    assert Execution.objects.count() == 1


def test_the_same_id_is_another_delivery_at_another_schedule(alice: User) -> None:
    for schedule in (make_webhook(alice), make_webhook(alice)):
        headers = signed(schedule, message_id="msg_1")
        assert deliver(schedule, headers=headers).status_code == 202


def test_an_id_longer_than_is_kept_still_tells_deliveries_apart(alice: User) -> None:
    schedule = make_webhook(alice, "github")
    long = "x" * 300

    answers = [
        deliver(schedule, body, signed(schedule, body, message_id=long + end)).status_code
        for body, end in [(told(n=1), "a"), (told(n=2), "b"), (told(n=1), "a")]
    ]

    assert answers == [202, 202, 200]


def test_deliveries_are_remembered_for_seven_days(alice: User) -> None:
    schedule = make_webhook(alice, "hex")
    now = timezone.now()
    answers = []
    for days in (0, 6, 8):
        with time_machine.travel(now + timedelta(days=days)):
            services.clean_webhooks(now=timezone.now())
            answers.append(deliver(schedule).status_code)

    assert answers == [202, 200, 202]


# --- runs of one schedule do not overlap ----------------------------------------------------------


def test_a_delivery_while_a_run_is_under_way_is_written_down_as_skipped(alice: User) -> None:
    schedule = make_webhook(alice)
    deliver(schedule)

    response = deliver(schedule)

    assert (response.status_code, response.json()["status"]) == (202, "skipped")
    skipped = Execution.objects.get(pk=response.json()["execution_id"])
    assert "had not ended" in skipped.reason
    assert Run.objects.count() == 1


def test_parameters_that_do_not_fit_are_told_while_busy_too(alice: User) -> None:
    schedule = make_webhook(alice)
    deliver(schedule)

    assert deliver(schedule, told(tasks="none")).status_code == 400


def test_after_the_run_the_next_delivery_starts_one(alice: User) -> None:
    schedule = make_webhook(alice)
    deliver(schedule)
    settle(Run.objects.get(), timezone.now())

    assert deliver(schedule).json()["status"] == "pending"


def test_deliveries_of_one_moment_each_have_their_execution(alice: User) -> None:
    schedule = make_webhook(alice)
    with time_machine.travel(utc("2026-11-22 04:00"), tick=False):
        answers = [deliver(schedule).status_code for _ in range(3)]

    assert answers == [202, 202, 202]
    assert Execution.objects.count() == 3


def test_an_operation_that_is_switched_off_is_skipped_with_that_reason(alice: User) -> None:
    schedule = make_webhook(alice)
    operations.save_preferences(
        owner=alice, changes={schedule.operation: {"enabled": False}}, by=alice
    )

    response = deliver(schedule)

    assert (response.status_code, response.json()["status"]) == (202, "skipped")
    assert "switched off" in Execution.objects.get().reason


# --- too many, and the database away --------------------------------------------------------------


def test_too_many_deliveries_to_one_schedule_wait(alice: User, settings: Any) -> None:
    settings.HELIX_WEBHOOKS_PER_S = 1
    schedule, other = make_webhook(alice), make_webhook(alice)
    now = utc("2026-11-22 04:00")
    with time_machine.travel(now, tick=False) as clock:
        first = [deliver(schedule).status_code for _ in range(10)]
        clock.shift(4)
        late = deliver(schedule)
        elsewhere = deliver(other)
        clock.shift(7)
        after = deliver(schedule)

    assert first == [202] * 10
    assert (late.status_code, late["Retry-After"]) == (429, "6")
    assert (elsewhere.status_code, after.status_code) == (202, 202)


def test_who_cannot_sign_is_answered_429_after_a_while(alice: User, settings: Any) -> None:
    settings.HELIX_WEBHOOK_REFUSALS = 3
    schedule = make_webhook(alice)

    answers = [deliver(schedule, headers={}) for _ in range(5)]
    signed_all_the_same = deliver(schedule)
    other = deliver(schedule, headers={}, REMOTE_ADDR="192.0.2.7")

    assert [each.status_code for each in answers] == [401, 401, 401, 429, 429]
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60
    assert (signed_all_the_same.status_code, other.status_code) == (202, 401)
    assert WebhookEvent.objects.filter(verdict="refused").count() == 4


def test_an_unknown_address_is_limited_like_a_known_one(alice: User, settings: Any) -> None:
    settings.HELIX_WEBHOOK_REFUSALS = 2
    path = f"/webhooks/schedules/{uuid7()}/"

    answers = [deliver(make_webhook(alice), path=path).status_code for _ in range(3)]

    assert answers == [401, 401, 429]


@pytest.mark.parametrize("step", ["_find", "_claim"])
def test_without_a_database_it_is_503_and_nothing_is_promised(
    alice: User, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    schedule = make_webhook(alice)
    headers = signed(schedule)

    def away(*_: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patch:
        patch.setattr(intake, step, away)
        response = deliver(schedule, headers=headers)

    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert not Execution.objects.exists()
    assert deliver(schedule, headers=headers).status_code == 202


def test_what_breaks_midway_leaves_nothing_behind(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = make_webhook(alice)

    def away(**_: Any) -> None:
        raise OperationalError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("scheduling.triggering.operations.submit", away)
        response = deliver(schedule)

    assert response.status_code == 503
    assert not WebhookEvent.objects.exists()


# --- secrets stay secret --------------------------------------------------------------------------


def test_headers_may_hold_anything(alice: User) -> None:
    for dialect in DIALECTS:
        schedule = make_webhook(alice, dialect)
        for text in ("\x00", "é", "v1,\x7f", "t=1,v1=é", "a" * 5_000, "sha256=" + "é" * 64):
            headers = dict.fromkeys(signed(schedule), text)
            assert deliver(schedule, headers=headers).status_code == 401


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_row_and_no_line_holds_the_secret(
    alice: User, dialect: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    schedule = make_webhook(alice, dialect)
    canary = schedule.new_secret
    assert canary is not None
    signature = signed(schedule)
    deliver(schedule, headers=signature)
    deliver(schedule, headers={})
    rotated = services.rotate_webhook_secret(schedule, by=alice)
    assert rotated.new_secret is not None
    found = [
        where
        for where, text in every_text()
        for secret in (canary, rotated.new_secret)
        if secret.reveal() in text or secret.reveal().removeprefix("whsec_") in text
    ]

    assert found == []
    assert canary.reveal() not in caplog.text
    longest = [text for text in signature.values() if len(text) > 45]
    assert longest
    assert not [where for where, text in every_text() if longest[0] in text]


def test_the_answer_quotes_nothing_of_the_body(alice: User) -> None:
    response = deliver(make_webhook(alice), b'{"password": "canary4711",}')

    assert response.status_code == 400
    assert b"canary4711" not in response.content
    assert "canary4711" not in event().reason
    assert re.search(r"line 1, column \d+", response.json()["message"])


def test_a_secret_of_the_owners_own_may_be_named(
    alice: User, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.HELIX_SECRET_ENV_ALLOW = ["HOOK_*"]
    monkeypatch.setenv("HOOK_SHOP", "canary-of-the-shop-4711")
    schedule = make_webhook(alice, "hex", secret_ref="env:HOOK_SHOP")

    assert schedule.new_secret is None
    assert deliver(schedule).status_code == 202

    monkeypatch.delenv("HOOK_SHOP")
    lost = deliver(schedule, headers=signed(schedule, secret=Secret("canary-of-the-shop-4711")))
    assert lost.status_code == 401
    assert WebhookEvent.objects.first().code == "no_secret"  # type: ignore[union-attr]


def test_a_test_delivery_goes_the_same_way(alice: User) -> None:
    for dialect in DIALECTS:
        schedule = make_webhook(alice, dialect)

        first, second = (services.send_test(schedule, by=alice) for _ in range(2))

        assert (first.verdict, first.is_test, first.status) == ("accepted", True, 202)
        assert json.loads(first.payload)["test"] is True
        assert first.execution is not None
        assert first.execution.run is not None
        assert second.pk != first.pk


def test_an_event_is_replayed_by_its_payload(alice: User) -> None:
    schedule = make_webhook(alice, operation="task-breakdown", parameters={})
    deliver(schedule, told(title="Once"))
    first = event()
    settle(Run.objects.get(), timezone.now())

    replay = services.replay_event(first, by=alice)

    assert (replay.replay_of, replay.verdict) == (first, "accepted")
    assert replay.execution is not None
    assert replay.execution != first.execution
    assert replay.execution.run is not None
    assert replay.execution.run.parameters["title"] == "Once"


def test_what_nobody_signed_is_not_replayed(alice: User) -> None:
    deliver(make_webhook(alice), headers={})

    with pytest.raises(services.NotPossible):
        services.replay_event(event(), by=alice)


def test_secrets_are_read_for_their_owner_only(alice: User, bob: User) -> None:
    schedule = make_webhook(alice)

    with pytest.raises(secrets.SecretUnavailable):
        secrets.get(schedule.secret_ref, bob)
    with pytest.raises(secrets.SecretUnavailable):
        secrets.get(schedule.secret_ref, None)


def test_a_schedule_that_was_only_refused_is_deleted_with_its_events(alice: User) -> None:
    schedule = make_webhook(alice)
    deliver(schedule, headers={})

    assert services.delete_schedule(schedule, by=alice)
    assert not WebhookEvent.objects.exists()
    assert not Schedule.objects.exists()
