"""The pages of a webhook: its secret is shown once, what came in stands in its log."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from accounts.models import User
from audit.models import AuditEvent
from operations.models import Run
from scheduling import live, services
from scheduling.models import Execution, Schedule, WebhookEvent
from scheduling.webhook_pages import EVENTS
from tests.scheduling.builders import OPERATION, TASKS, make_schedule
from tests.scheduling.test_views.kit import (
    HOSTILE,
    LIST,
    NEW,
    asking_for,
    count_queries,
    is_page,
    make_execution,
    page_of,
    posted,
    text_of,
)

DIALOG = asking_for("dialog-body")
LOG = asking_for("event-log")
STANDARD = re.compile(r"whsec_[A-Za-z0-9+/=]{44}")


@pytest.fixture
def webhook(alice: User) -> Schedule:
    return services.create_schedule(
        owner=alice,
        by=alice,
        operation=OPERATION,
        type="webhook",
        dialect="standard",
        parameters=TASKS,
        name="Deploys",
    )


def webhook_page(schedule: Schedule, verb: str = "") -> str:
    return page_of(schedule, f"webhook/{verb}" if verb else "webhook")


def event_page(event: WebhookEvent, verb: str = "") -> str:
    return f"/schedules/events/{event.pk}/{f'{verb}/' if verb else ''}"


def make_event(schedule: Schedule, **fields: Any) -> WebhookEvent:
    """Return a saved delivery: refused, unless it is told otherwise."""
    is_refused = fields.get("verdict", "refused") == "refused"
    if not is_refused and "execution" not in fields:
        fields["execution"] = make_execution(
            schedule,
            trigger="webhook",
            at=timezone.now() - timedelta(seconds=Execution.objects.count()),
        )
    return WebhookEvent.objects.create(
        schedule=schedule,
        **{
            "received_at": timezone.now(),
            "dialect": schedule.dialect,
            "verdict": "refused",
            "code": "bad_signature" if is_refused else "",
            "reason": "The signature is not that of this body and secret." if is_refused else "",
            "is_verified": not is_refused,
            "status": 401 if is_refused else 202,
            "size": 18,
            "signature": "v1,c2lnbmF0dXJlIG9m",
            "payload": "" if is_refused else '{"event": "test"}',
        }
        | fields,
    )


def secret_in(response: Any) -> str:
    found = STANDARD.search(response.content.decode())
    assert found, "The page shows no secret"
    return found[0]


# --- making one -----------------------------------------------------------------------------------


def test_the_secret_is_shown_once_where_it_is_made(alice: User, as_alice: Client) -> None:
    response = as_alice.post(NEW, posted(type="webhook", dialect="standard"))

    schedule = Schedule.objects.get()
    assert (schedule.type, schedule.dialect, schedule.expression) == ("webhook", "standard", "")
    secret = secret_in(response)
    assert response.status_code == 200
    assert is_page(response)
    assert response["Cache-Control"] == "no-store"
    assert f"http://testserver{schedule.webhook_path}" in text_of(response)
    assert "curl -sS http://testserver" in text_of(response)
    for address in (
        LIST,
        page_of(schedule),
        webhook_page(schedule),
        webhook_page(schedule, "rotate"),
    ):
        page = as_alice.get(address)
        assert page.status_code == 200
        assert secret not in page.content.decode()
    assert secret not in str(dict(as_alice.session))
    told = [str(each.text) for each in AuditEvent.objects.all()]
    assert told
    assert not any(secret in text for text in told)


def test_the_dialog_shows_it_too(as_alice: Client) -> None:
    response = as_alice.post(NEW, posted(type="webhook", dialect="standard"), headers=DIALOG)

    assert not is_page(response)
    assert response["Cache-Control"] == "no-store"
    assert 'data-copy="webhook-secret"' in response.content.decode()
    assert secret_in(response)
    assert "HX-Redirect" not in response


@pytest.mark.parametrize(
    ("dialect", "header"),
    [
        ("standard", "webhook-signature: v1,"),
        ("hex", "X-Webhook-Signature: "),
        ("github", "X-Hub-Signature-256: sha256="),
        ("stripe", "Stripe-Signature: t="),
    ],
)
def test_each_dialect_has_its_command(as_alice: Client, dialect: str, header: str) -> None:
    response = as_alice.post(NEW, posted(type="webhook", dialect=dialect))

    schedule = Schedule.objects.get()
    assert schedule.dialect == dialect
    assert header in text_of(response)
    said = text_of(as_alice.get(webhook_page(schedule)))
    assert header in said
    assert ("Replayable" in said) is (dialect in {"hex", "github"})


def test_a_dialect_left_out_is_the_standard_one(as_alice: Client) -> None:
    as_alice.post(NEW, posted(type="webhook"))

    assert Schedule.objects.get().dialect == "standard"


def test_what_the_payload_brings_may_be_missing(as_alice: Client) -> None:
    response = as_alice.post(NEW, posted(type="webhook", **{"parameters-json": "{}"}))

    assert Schedule.objects.get().parameters == {}
    assert "BODY=" in text_of(response)
    assert "tasks" in re.sub(r".*BODY=", "", text_of(response))  # or it would be refused


def test_a_cron_schedule_has_no_dialect(as_alice: Client) -> None:
    as_alice.post(NEW, posted(dialect="hex"))

    assert Schedule.objects.get().dialect == ""


def test_the_form_says_what_each_dialect_is(as_alice: Client) -> None:
    said = text_of(as_alice.get(NEW))

    assert "Standard Webhooks Signs id, time and body" in said
    assert "X-Webhook-Signature Replayable" in said


def test_the_preview_says_when_it_runs(as_alice: Client) -> None:
    said = text_of(as_alice.get("/schedules/preview/?type=webhook"))

    assert "Runs when its address is called" in said


def test_an_edit_keeps_the_webhook(webhook: Schedule, as_alice: Client) -> None:
    page = text_of(as_alice.get(page_of(webhook, "edit")))
    response = as_alice.post(page_of(webhook, "edit"), posted(name="Renamed"))

    assert "Runs when its address is called" in page
    assert response.status_code == 302
    webhook.refresh_from_db()
    assert (webhook.name, webhook.type, webhook.dialect) == ("Renamed", "webhook", "standard")


# --- the list and the page ------------------------------------------------------------------------


def test_the_list_says_when_it_runs(webhook: Schedule, as_alice: Client) -> None:
    said = text_of(as_alice.get(LIST))

    assert "By webhook" in said
    assert "When called" in said


def test_the_page_says_how_to_call_it(webhook: Schedule, as_alice: Client) -> None:
    said = text_of(as_alice.get(webhook_page(webhook)))

    for words in (
        f"http://testserver/webhooks/schedules/{webhook.pk}/",
        "Standard Webhooks",
        webhook.secret_fingerprint,
        "Rotate secret",
        "Send a test",
        "Nothing came in yet",
    ):
        assert words in said


def test_only_a_webhook_has_the_tab(alice: User, as_alice: Client, webhook: Schedule) -> None:
    cron = make_schedule(owner=alice)

    assert "webhook/" not in as_alice.get(page_of(cron)).content.decode()
    assert as_alice.get(webhook_page(cron)).status_code == 404
    page = as_alice.get(page_of(webhook)).content.decode()
    assert f'<a href="{webhook_page(webhook)}">Webhook</a>' in page


def test_an_archived_one_can_only_be_looked_at(webhook: Schedule, as_alice: Client) -> None:
    make_event(webhook, verdict="accepted")
    as_alice.post(page_of(webhook, "delete"), {"name": "Deploys"})

    said = text_of(as_alice.get(webhook_page(webhook)))

    assert "It never fires again" in said
    assert "Rotate secret" not in said
    assert "Send a test" not in said


# --- the log --------------------------------------------------------------------------------------


def test_the_log_says_what_was_answered_and_why(webhook: Schedule, as_alice: Client) -> None:
    make_event(webhook)
    accepted = make_event(webhook, verdict="accepted", is_test=True)

    response = as_alice.get(webhook_page(webhook))

    said = text_of(response)
    for words in (
        "Refused",
        "The signature is not that of this body",
        "v1,c2lnbmF0dXJlIG9m…",
        "Test",
    ):
        assert words in said
    assert accepted.execution is not None
    assert f'href="/runs/{accepted.execution.run_id}/"' in response.content.decode()


def test_the_log_is_filtered_and_paged_by_key(webhook: Schedule, as_alice: Client) -> None:
    for _ in range(EVENTS + 1):
        make_event(webhook)
    make_event(webhook, verdict="accepted")

    first = as_alice.get(f"{webhook_page(webhook)}?verdict=refused").context["log"]
    last = as_alice.get(
        f"{webhook_page(webhook)}?verdict=refused&cursor={first.page.next_cursor}", headers=LOG
    )

    assert [event.verdict for event in first.page.rows] == ["refused"] * EVENTS
    assert last.content.decode().count('<th scope="row"') == 1
    assert not is_page(last)
    assert "data-live" not in last.content.decode()  # only the first page is kept current
    odd = as_alice.get(f"{webhook_page(webhook)}?verdict=x&cursor=next~x")
    assert len(odd.context["log"].page.rows) == EVENTS


def test_an_event_shows_its_payload_as_text(webhook: Schedule, as_alice: Client) -> None:
    event = make_event(
        webhook, verdict="accepted", payload=HOSTILE, message_id=HOSTILE, signature=HOSTILE[:20]
    )
    refused = make_event(webhook, reason=HOSTILE)

    for address in (event_page(event), event_page(refused), webhook_page(webhook)):
        for headers in ({}, DIALOG):
            page = as_alice.get(address, headers=headers).content.decode()
            assert escape(HOSTILE)[:20] in page
            assert "<script>alert" not in page
    assert escape(HOSTILE) in as_alice.get(event_page(event)).content.decode()
    assert escape(HOSTILE) not in as_alice.get(webhook_page(webhook)).content.decode().replace(
        escape(refused.reason), ""
    )


def test_a_long_log_asks_no_more_of_the_database(webhook: Schedule, as_alice: Client) -> None:
    make_event(webhook, verdict="accepted")
    few = count_queries(as_alice, webhook_page(webhook))
    for _ in range(30):
        make_event(webhook, verdict="accepted")

    assert count_queries(as_alice, webhook_page(webhook)) == few <= 12


# --- live -----------------------------------------------------------------------------------------


def test_the_live_part_is_that_of_the_page(
    webhook: Schedule, alice: User, as_alice: Client
) -> None:
    make_event(webhook)
    page = as_alice.get(f"{webhook_page(webhook)}?verdict=refused").content.decode()

    html = live.render_webhook_events(alice, QueryDict(f"id={webhook.pk}&verdict=refused"))

    tag = html.strip().split(">", 1)[0]
    assert f'data-live="webhook-events?id={webhook.pk}&amp;verdict=refused"' in tag
    assert tag in page


def test_an_event_is_noticed_by_its_owner_alone(webhook: Schedule, alice: User, bob: User) -> None:
    before = live.watch_webhooks([alice.pk, bob.pk])
    make_event(webhook)
    after = live.watch_webhooks([alice.pk, bob.pk])

    assert before[alice.pk] != after[alice.pk]
    assert bob.pk not in after


# --- the secret -----------------------------------------------------------------------------------


def rotation(schedule: Schedule, old: str = "keep") -> dict[str, str]:
    return {"fingerprint": schedule.secret_fingerprint, "old": old}


@pytest.mark.parametrize("headers", [{}, DIALOG])
def test_a_rotation_shows_the_new_secret_once(
    webhook: Schedule, as_alice: Client, headers: dict[str, str]
) -> None:
    response = as_alice.post(webhook_page(webhook, "rotate"), rotation(webhook), headers=headers)

    before = webhook.secret_fingerprint
    webhook.refresh_from_db()
    assert webhook.new_secret is not None
    assert secret_in(response) != webhook.new_secret.reveal()  # the one it was made with
    assert response["Cache-Control"] == "no-store"
    assert webhook.secret_fingerprint != before
    assert webhook.old_secret_until is not None
    said = text_of(as_alice.get(webhook_page(webhook)))
    assert "Works until" in said
    assert "Not used since the change" in said
    assert secret_in(response) not in said


def test_the_old_secret_is_revoked_now_or_later(webhook: Schedule, as_alice: Client) -> None:
    as_alice.post(webhook_page(webhook, "rotate"), rotation(webhook))
    assert "refused at once" in text_of(as_alice.get(webhook_page(webhook, "revoke")))
    response = as_alice.post(webhook_page(webhook, "revoke"))
    assert response.status_code == 302
    assert "Works until" not in text_of(as_alice.get(webhook_page(webhook)))

    webhook.refresh_from_db()
    response = as_alice.post(webhook_page(webhook, "rotate"), rotation(webhook, "revoke"))
    assert "The old secret is refused from now on." in text_of(response)
    assert "Works until" not in text_of(as_alice.get(webhook_page(webhook)))


def test_a_click_sent_twice_rotates_once(webhook: Schedule, as_alice: Client) -> None:
    data = rotation(webhook)
    first = as_alice.post(webhook_page(webhook, "rotate"), data)
    second = as_alice.post(webhook_page(webhook, "rotate"), data)

    assert (first.status_code, second.status_code) == (200, 422)
    assert "The secret was rotated meanwhile." in text_of(second)
    assert not STANDARD.search(second.content.decode())


# --- test and replay ------------------------------------------------------------------------------


def test_a_test_goes_the_way_of_a_delivery(webhook: Schedule, as_alice: Client) -> None:
    response = as_alice.post(
        webhook_page(webhook, "test"), {"verdict": "accepted"}, headers=asking_for("webhook-told")
    )

    event = WebhookEvent.objects.get()
    assert (event.verdict, event.is_test, event.is_verified) == ("accepted", True, True)
    assert Run.objects.get().origin == Run.Origin.WEBHOOK
    assert "Test accepted." in text_of(response)
    assert f"/runs/{Run.objects.get().pk}/" in response.content.decode()
    assert 'id="event-log"' in response.content.decode()  # with the new row, beside it
    assert "verdict=accepted" in response.content.decode()


def test_a_test_without_scripts_says_so_on_the_page(webhook: Schedule, as_alice: Client) -> None:
    response = as_alice.post(webhook_page(webhook, "test"), follow=True)

    assert response.redirect_chain == [(webhook_page(webhook), 302)]
    assert "Test accepted." in text_of(response)


def test_a_test_of_a_paused_one_says_why_not(webhook: Schedule, as_alice: Client) -> None:
    services.pause_schedule(webhook, by=None, reason="Holidays.")

    response = as_alice.post(webhook_page(webhook, "test"), follow=True)

    assert "Test refused (401): The schedule is paused: Holidays." in text_of(response)


def test_an_event_is_replayed_once_confirmed(webhook: Schedule, as_alice: Client) -> None:
    as_alice.post(webhook_page(webhook, "test"))
    event = WebhookEvent.objects.get()
    Run.objects.update(
        status=Run.Status.SUCCESS, started_at=timezone.now(), finished_at=timezone.now()
    )
    Schedule.objects.update(running_execution=None, running_since=None)

    assert "Replay this event?" in text_of(as_alice.get(event_page(event, "replay")))
    assert WebhookEvent.objects.count() == 1
    response = as_alice.post(event_page(event, "replay"), follow=True)

    replayed = WebhookEvent.objects.exclude(pk=event.pk).get()
    assert replayed.replay_of == event
    assert "Replay accepted." in text_of(response)
    assert Run.objects.count() == 2


# --- strangers ------------------------------------------------------------------------------------


def test_a_stranger_finds_nothing(webhook: Schedule, as_bob: Client) -> None:
    event = make_event(webhook, verdict="accepted")
    before = Schedule.objects.values().get()

    for address in (
        *(webhook_page(webhook, verb) for verb in ("", "rotate", "revoke", "test")),
        event_page(event),
        event_page(event, "replay"),
    ):
        for answer in (as_bob.get(address), as_bob.post(address, rotation(webhook))):
            assert answer.status_code in {404, 405}, address
    assert Schedule.objects.values().get() == before
    assert WebhookEvent.objects.count() == 1


def test_an_event_of_no_schedule_is_nobodys(as_alice: Client, alice: User) -> None:
    event = WebhookEvent.objects.create(
        received_at=timezone.now(),
        verdict="refused",
        code="unknown",
        reason="There is no such schedule.",
        is_verified=False,
        status=401,
        size=0,
    )

    assert as_alice.get(event_page(event)).status_code == 404
