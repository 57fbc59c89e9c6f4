"""The secret of a webhook from its making to its end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import User
from audit.models import AuditEvent
from core import secrets
from core.models import StoredSecret
from core.secrets import Secret, store
from scheduling import services
from scheduling.models import Schedule, WebhookEvent
from tests.scheduling.builders import TASKS, make_schedule
from tests.scheduling.test_webhooks.kit import deliver, make_webhook, signed

DAY = timedelta(days=1)


def status(schedule: Schedule, secret: Secret | None) -> int:
    assert secret is not None
    code: int = deliver(schedule, headers=signed(schedule, secret=secret)).status_code
    return code


def test_a_new_webhook_tells_its_secret_once(alice: User) -> None:
    schedule = make_webhook(alice)

    assert schedule.new_secret == secrets.get(schedule.secret_ref, alice)
    assert schedule.secret_ref.startswith(f"store:webhooks/{schedule.pk}/")
    assert schedule.secret_fingerprint == StoredSecret.objects.get().fingerprint
    assert Schedule.objects.get().new_secret is None


def test_standard_webhooks_is_the_dialect_of_new_ones(alice: User) -> None:
    assert make_webhook(alice, "").dialect == "standard"


def test_after_a_rotation_both_secrets_hold_for_a_day(alice: User) -> None:
    schedule = make_webhook(alice)
    old = schedule.new_secret
    now = timezone.now()

    rotated = services.rotate_webhook_secret(schedule, by=alice)
    first = [status(rotated, rotated.new_secret), status(rotated, old)]
    with time_machine.travel(now + DAY + timedelta(seconds=1)):
        later = [status(rotated, rotated.new_secret), status(rotated, old)]

    assert rotated.new_secret != old
    assert (first, later) == ([202, 202], [202, 401])


def test_the_last_use_of_the_old_secret_is_told(alice: User) -> None:
    schedule = make_webhook(alice)
    old = schedule.new_secret
    rotated = services.rotate_webhook_secret(schedule, by=alice)
    status(rotated, rotated.new_secret)
    rotated.refresh_from_db()
    assert rotated.old_secret_used_at is None

    status(rotated, old)

    rotated.refresh_from_db()
    assert rotated.old_secret_used_at == WebhookEvent.objects.first().received_at  # type: ignore[union-attr]


@pytest.mark.parametrize("how", ["at once", "later"])
def test_a_revoked_secret_is_refused_at_once(alice: User, how: str) -> None:
    schedule = make_webhook(alice)
    old = schedule.new_secret

    if how == "at once":
        rotated = services.rotate_webhook_secret(schedule, by=alice, grace=timedelta(0))
    else:
        rotated = services.rotate_webhook_secret(schedule, by=alice)
        services.revoke_old_webhook_secret(rotated, by=alice)

    assert (status(rotated, rotated.new_secret), status(rotated, old)) == (202, 401)
    assert StoredSecret.objects.count() == 1


def test_a_second_rotation_ends_the_oldest_secret(alice: User) -> None:
    schedule = make_webhook(alice)
    secrets_of = [schedule.new_secret]
    for _ in range(2):
        schedule = services.rotate_webhook_secret(schedule, by=alice)
        secrets_of.append(schedule.new_secret)

    assert [status(schedule, each) for each in secrets_of] == [401, 202, 202]
    assert StoredSecret.objects.count() == 2


def test_housekeeping_deletes_old_secrets_whose_time_is_over(alice: User) -> None:
    schedule = services.rotate_webhook_secret(make_webhook(alice), by=alice)

    services.clean_webhooks(now=timezone.now())
    assert StoredSecret.objects.count() == 2
    services.clean_webhooks(now=timezone.now() + DAY + timedelta(seconds=1))

    schedule.refresh_from_db()
    assert (schedule.old_secret_ref, schedule.old_secret_until) == ("", None)
    assert StoredSecret.objects.count() == 1
    assert AuditEvent.objects.filter(action="schedule.webhook_secret_revoked").exists()


def test_the_audit_log_tells_secrets_by_their_fingerprints(alice: User) -> None:
    schedule = make_webhook(alice)
    old = schedule.secret_fingerprint
    rotated = services.rotate_webhook_secret(schedule, by=alice)

    entry = AuditEvent.objects.get(action="schedule.webhook_secret_rotated")
    assert old in entry.detail.text
    assert rotated.secret_fingerprint in entry.detail.text
    assert rotated.new_secret is not None
    assert rotated.new_secret.reveal() not in entry.detail.text


def test_archiving_and_deleting_end_the_secrets(alice: User) -> None:
    fired, unused = make_webhook(alice), make_webhook(alice)
    deliver(fired)
    services.rotate_webhook_secret(fired, by=alice)

    services.delete_schedule(fired, by=alice, confirmed=True)
    services.delete_schedule(unused, by=alice)

    assert not StoredSecret.objects.exists()


def test_a_secret_of_the_owners_own_stays_theirs(alice: User) -> None:
    ref = store.put("shop", Secret("canary-of-the-shop-4711"), owner=alice, by=alice)
    schedule = make_webhook(alice, "hex", secret_ref=ref)

    rotated = services.rotate_webhook_secret(schedule, by=alice, grace=timedelta(0))

    assert rotated.secret_ref != ref
    assert secrets.get(ref, alice).reveal() == "canary-of-the-shop-4711"


@pytest.mark.parametrize(
    ("given", "field", "told"),
    [
        ({"type": "cron", "expression": "@daily", "dialect": "hex"}, "dialect", "Only a webhook"),
        (
            {"type": "manual", "parameters": TASKS, "secret_ref": "store:x"},
            "secret_ref",
            "Only a webhook",
        ),
        ({"dialect": "morse"}, "dialect", "not a valid choice"),
        ({"expression": "@daily"}, "expression", "Only a cron schedule"),
        ({"secret_ref": "store:none"}, "secret_ref", "no stored secret"),
        ({"secret_ref": "canary4711"}, "secret_ref", "A secret is named store:NAME"),
        ({"secret_ref": "env:SECRET_KEY"}, "secret_ref", "HELIX_SECRET_ENV_ALLOW"),
        ({"replay_window_s": 0}, "replay_window_s", "greater than or equal to 1"),
        ({"parameters": {"tasks": 1}}, "parameters", "tasks"),
        ({"parameters": {"colour": 1}}, "parameters", "colour is not a parameter"),
    ],
)
def test_creating_a_webhook_names_the_field_that_is_wrong(
    alice: User, given: dict[str, Any], field: str, told: str
) -> None:
    values: dict[str, Any] = {"operation": "task-prioritize", "type": "webhook", "by": alice}
    with pytest.raises(ValidationError) as refusal:
        services.create_schedule(owner=alice, **values | given)

    assert told in " ".join(refusal.value.message_dict[field])
    assert not StoredSecret.objects.exists()


def test_a_secret_too_short_to_be_one_is_refused(alice: User) -> None:
    ref = store.put("shop", Secret("short"), owner=alice, by=alice)
    for dialect in ("standard", "hex", "github", "stripe"):
        with pytest.raises(ValidationError) as refusal:
            make_webhook(alice, dialect, secret_ref=ref)
        assert "at least 16" in str(refusal.value)
        assert "short" not in str(refusal.value)


def test_only_webhooks_have_secrets_to_rotate(alice: User) -> None:
    with pytest.raises(services.NotPossible):
        services.rotate_webhook_secret(make_schedule(owner=alice), by=alice)
    with pytest.raises(services.NotPossible):
        services.revoke_old_webhook_secret(make_webhook(alice), by=alice)
    with pytest.raises(services.NotPossible):
        services.rotate_webhook_secret(
            make_webhook(alice), by=alice, grace=timedelta(days=30, seconds=1)
        )
