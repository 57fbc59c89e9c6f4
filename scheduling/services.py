"""What people do to schedules. Firing them is the engine's part: `firing.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import services as audit
from core import secrets
from core.errors import DomainError
from core.ids import first_id_at, uuid7, uuid7_from
from core.secrets import store
from operations import registry
from operations import services as operations
from operations.models import Run
from scheduling import firing, meanwhile, triggering
from scheduling.models import REPLAY_WINDOW_S, Execution, Schedule, WebhookEvent
from scheduling.webhooks import examples, intake, signing

if TYPE_CHECKING:
    from accounts.models import User

CHANGEABLE = tuple(meanwhile.FIELDS)
CADENCE = ("expression", "zone", "gap", "overlap")  # what the next fire is computed from
TOLD = ("name", "operation", "type", "expression", "zone", "gap", "overlap", "priority")
TOLD_OF_WEBHOOK = ("dialect", "replay_window_s", "secret_ref", "secret_fingerprint")
GRACE = timedelta(hours=24)  # what a sender's administrator needs to put a new secret in place
LONGEST_GRACE = timedelta(days=30)
STORED = "webhooks"  # what names of secrets in the store begin with that were made here
KEYS_KEPT = timedelta(days=7)  # so long a delivery that comes again starts nothing
EVENTS_KEPT = timedelta(days=30)


class NotPossible(DomainError):
    """The schedule does not allow that."""


@transaction.atomic
def create_schedule(
    *,
    owner: User,
    by: User | None,
    operation: str,
    type: str,  # noqa: A002  the word of the table and of `--type`
    expression: str = "",
    zone: str = "",
    gap: str = Schedule.Gap.FIRST_VALID,
    overlap: str = Schedule.Overlap.FIRST,
    parameters: Mapping[str, Any] | None = None,
    name: str = "",
    priority: int = 5,
    dialect: str = "",
    secret_ref: str = "",
    replay_window_s: int = REPLAY_WINDOW_S,
    token: UUID | None = None,
) -> Schedule:
    """Save a schedule and plan its first fire; the zone is the owner's unless given.

    A webhook speaks Standard Webhooks unless `dialect` says otherwise. Its secret is the owner's
    own where `secret_ref` names one; else it is made, and `new_secret` of what is returned is the
    only time that it is told.

    `token` names a form: what is sent by it a second time, with the same words, is the schedule
    there is already. A click sent twice does not spend twice, month after month.

    Raises `ValidationError` by field.
    """
    if type == Schedule.Type.WEBHOOK:
        dialect = dialect or Schedule.Dialect.STANDARD
    now = timezone.now()
    schedule = Schedule(
        owner=owner,
        operation=operation,
        type=type,
        expression=expression,
        zone=zone or owner.zone,
        gap=gap,
        overlap=overlap,
        parameters={} if parameters is None else parameters,
        name=name or _name(operation, type, expression),
        priority=priority,
        dialect=dialect,
        replay_window_s=replay_window_s,
        created_at=now,
    )
    if token is not None:
        schedule.pk = _once(token, schedule)
        if earlier := _current(schedule):
            return earlier
    validate(schedule, now=now)
    if secret_ref and schedule.type != Schedule.Type.WEBHOOK:
        raise ValidationError({"secret_ref": "Only a webhook has a secret; leave it out."})
    try:
        with transaction.atomic():
            if schedule.type == Schedule.Type.WEBHOOK:
                _give_secret(schedule, secret_ref, by=by, now=now)
            schedule.save(force_insert=True)
    except IntegrityError:  # the same click, in another process, a moment ago
        if earlier := _current(schedule):
            return earlier
        raise
    audit.record("schedule.created", target=schedule, by=by, after=_told(schedule))
    return schedule


def _once(token: UUID, schedule: Schedule) -> UUID:
    """Return the id of what a form and all it says come to; of one deleted since, a new one."""
    told = [str(schedule.owner_id), {**_told(schedule), "parameters": schedule.parameters}]
    id_ = uuid7_from(token, json.dumps(told, sort_keys=True, default=str))
    return schedule.pk if Schedule.objects.filter(pk=id_, archived_at__isnull=False) else id_


def _current(schedule: Schedule) -> Schedule | None:
    return Schedule.objects.current().filter(pk=schedule.pk, owner=schedule.owner).first()


def validate(schedule: Schedule, *, now: datetime) -> None:
    """Check all that is asked of a schedule, and plan its next fire from `now`, in memory.

    Raises `ValidationError` by field. The form of the admin asks the same.
    """
    schedule.full_clean(validate_constraints=False)  # the next fire is not planned yet
    _plan(schedule, now)


def _plan(schedule: Schedule, now: datetime) -> None:
    schedule.check_interval(now)
    schedule.plan(now)


@transaction.atomic
def change_schedule(
    schedule: Schedule, *, by: User | None, mark: str = "", **changes: Any
) -> Schedule:
    """Set some of `CHANGEABLE`; a new cadence plans the next fire anew.

    A fire that is due already happens first, as the schedule was. `mark` (`meanwhile.mark_of`) says
    what the changes were made from. Raises `ValidationError`, and `meanwhile.ChangedMeanwhile`
    where they would undo what somebody else has saved since.
    """
    unknown = changes.keys() - set(CHANGEABLE)
    if unknown:
        raise TypeError(f"{', '.join(sorted(unknown))} cannot be changed")
    schedule = _lock(schedule)
    _refuse_archived(schedule)
    meanwhile.refuse_changed(schedule, mark, changes)
    now = timezone.now()
    firing.answer_due(schedule, now)
    before = _told(schedule)
    for field, value in changes.items():
        setattr(schedule, field, value)
    schedule.full_clean(validate_constraints=False)
    if any(getattr(schedule, field) != before[field] for field in CADENCE):
        _plan(schedule, now)
    schedule.save()
    audit.record("schedule.changed", target=schedule, by=by, before=before, after=_told(schedule))
    return schedule


@transaction.atomic
def pause_schedule(schedule: Schedule, *, by: User | None, reason: str) -> Schedule:
    """Stop firing, and keep why. A fire that is due already is skipped with the same reason."""
    reason = reason.strip()
    if not reason:
        raise NotPossible("Say why: a pause needs a reason, which is kept and shown.")
    schedule = _lock(schedule)
    _refuse_archived(schedule)
    if not schedule.enabled:
        raise NotPossible(f"“{schedule}” is paused already: {schedule.pause_reason}")
    now = timezone.now()
    firing.answer_due(schedule, now, refusal=f"Paused as this fire was due: {reason}")
    schedule.enabled = False
    schedule.pause_reason = reason
    schedule.plan(now)
    schedule.save()
    audit.record("schedule.paused", target=schedule, by=by, after={"reason": reason})
    return schedule


@transaction.atomic
def change_pause_reason(schedule: Schedule, *, by: User | None, reason: str) -> Schedule:
    """Say better why a schedule is paused."""
    reason = reason.strip()
    if not reason:
        raise NotPossible("Say why: a pause needs a reason, which is kept and shown.")
    schedule = _lock(schedule)
    _refuse_archived(schedule)
    if schedule.enabled:
        raise NotPossible(f"“{schedule}” is not paused.")
    before = {"reason": schedule.pause_reason}
    schedule.pause_reason = reason
    schedule.save(update_fields=["pause_reason"])
    audit.record(
        "schedule.pause_reason_changed",
        target=schedule,
        by=by,
        before=before,
        after={"reason": reason},
    )
    return schedule


@transaction.atomic
def resume_schedule(schedule: Schedule, *, by: User | None) -> Schedule:
    """Fire again, from now on: what was due during the pause is not made up for."""
    now = timezone.now()
    schedule = _lock(schedule)
    _refuse_archived(schedule)
    if schedule.enabled:
        raise NotPossible(f"“{schedule}” is not paused.")
    before = {"reason": schedule.pause_reason}
    schedule.enabled = True
    schedule.pause_reason = ""
    validate(schedule, now=now)
    schedule.save()
    audit.record("schedule.resumed", target=schedule, by=by, before=before)
    return schedule


@transaction.atomic
def run_now(schedule: Schedule, *, by: User | None) -> Execution:
    """Start a run by hand, also while paused; skipped, with the reason, while another runs.

    Raises `DomainError` where the run is not accepted.
    """
    schedule = _lock(schedule)
    _refuse_archived(schedule)
    now = timezone.now()
    if not triggering.is_busy(schedule, now):
        forecast = operations.estimate_of(
            owner=schedule.owner, operation=schedule.operation, parameters=schedule.parameters
        )
        if forecast.refusal:  # a person can be told at once
            raise operations.NotSubmitted(forecast.refusal)
    execution = triggering.trigger(
        schedule,
        by=Execution.Trigger.MANUAL,
        origin=Run.Origin.MANUAL,
        parameters=schedule.parameters,
        now=now,
    )
    audit.record(
        "schedule.run_by_hand",
        target=schedule,
        by=by,
        after={"execution": str(execution.pk), "status": execution.status},
    )
    return execution


@transaction.atomic
def delete_schedule(schedule: Schedule, *, by: User | None, confirmed: bool = False) -> bool:
    """Delete a schedule that has never fired, and return True; archive any other, once confirmed.

    Executions and runs stay: an archived schedule is out of every list and never fires again. A
    fire that is due already is skipped with that reason; one of a deleted schedule goes with it.
    """
    schedule = _lock(schedule)
    _refuse_archived(schedule)
    told = _told(schedule)
    count = schedule.executions.count()
    if count == 0:
        _end_secrets(schedule, by=by)
        audit.record("schedule.deleted", target=schedule, by=by, before=told)
        schedule.delete()
        return True
    if not confirmed:
        raise NotPossible(
            f"“{schedule}” has {count:,} executions. Confirm (--yes) to archive it: it will never "
            "fire again, and its history stays."
        )
    now = timezone.now()
    firing.answer_due(schedule, now, refusal="Archived as this fire was due.")
    schedule.enabled = False
    schedule.pause_reason = schedule.pause_reason or "Archived."
    schedule.archived_at = now
    schedule.plan(now)
    _end_secrets(schedule, by=by)
    schedule.save()
    audit.record("schedule.archived", target=schedule, by=by, before=told)
    return False


# --- webhooks -------------------------------------------------------------------------------------


@transaction.atomic
def rotate_webhook_secret(
    schedule: Schedule, *, by: User | None, grace: timedelta = GRACE, secret_ref: str = ""
) -> Schedule:
    """Give a webhook a new secret, told by `new_secret` of what is returned, this once.

    The old one holds for `grace` longer; one that was older still ends now. `secret_ref` names a
    secret of the owner's own. Raises `ValidationError` by field.
    """
    if not timedelta(0) <= grace <= LONGEST_GRACE:
        raise NotPossible(f"The old secret may hold for {LONGEST_GRACE.days} days at most.")
    schedule = _lock(schedule)
    _refuse_archived(schedule)
    _refuse_others_than_webhooks(schedule)
    now = timezone.now()
    _end_old_secret(schedule, by=by)
    before = _told_of_secret(schedule)
    schedule.old_secret_ref, schedule.old_secret_until = schedule.secret_ref, now + grace
    _give_secret(schedule, secret_ref, by=by, now=now)
    if schedule.secret_ref == schedule.old_secret_ref:  # the same reference, with another value
        schedule.old_secret_ref, schedule.old_secret_until = "", None
    elif not grace:
        _end_old_secret(schedule, by=by)
    schedule.save()
    audit.record(
        "schedule.webhook_secret_rotated",
        target=schedule,
        by=by,
        before=before,
        after=_told_of_secret(schedule) | {"old_until": schedule.old_secret_until},
    )
    return schedule


@transaction.atomic
def revoke_old_webhook_secret(schedule: Schedule, *, by: User | None) -> Schedule:
    """End the time in which the old secret of a webhook holds beside the new one."""
    schedule = _lock(schedule)
    _refuse_others_than_webhooks(schedule)
    if not schedule.old_secret_ref:
        raise NotPossible(f"“{schedule}” has no old secret.")
    before = {"old_ref": schedule.old_secret_ref, "old_until": schedule.old_secret_until}
    _end_old_secret(schedule, by=by)
    schedule.save()
    audit.record("schedule.webhook_secret_revoked", target=schedule, by=by, before=before)
    return schedule


def send_test(schedule: Schedule, *, by: User | None) -> WebhookEvent:
    """Deliver a signed test as a sender does, through the same pipeline; return what became of it.

    It starts a run like any other delivery, and costs what that costs.
    """
    _refuse_others_than_webhooks(schedule)
    _refuse_archived(schedule)
    now = timezone.now()
    message_id = f"test_{uuid7()}"
    said = {"id": message_id, "test": True, "sent_at": now.isoformat()}
    body = json.dumps(examples.lacking(schedule) or said).encode()
    secret = secrets.get(schedule.secret_ref, schedule.owner)
    signed = signing.sign(schedule.dialect, secret, body, now, message_id)
    headers = {name.lower(): value for name, value in signed.items()}
    answer = intake.receive(
        intake.Delivery(
            schedule_id=str(schedule.pk),
            headers={"content-type": "application/json"} | headers,
            body=body,
            length=len(body),
            address="",
            is_test=True,
        )
    )
    if answer.event is None:
        raise NotPossible(str(answer.said["message"]))
    with transaction.atomic():
        told = {"status": answer.status, "code": answer.event.code}
        audit.record("schedule.webhook_tested", target=schedule, by=by, after=told)
    return answer.event


@transaction.atomic
def replay_event(event: WebhookEvent, *, by: User | None) -> WebhookEvent:
    """Start a run once more by what was delivered; return the event of the replay."""
    if event.schedule is None or not event.is_verified or not event.payload:
        raise NotPossible("Only a delivery whose signature was good and payload kept is replayed.")
    schedule = event.schedule
    _refuse_archived(schedule)
    now = timezone.now()
    replay = WebhookEvent(
        schedule=schedule,
        received_at=now,
        dialect=schedule.dialect,
        verdict=WebhookEvent.Verdict.ACCEPTED,
        is_verified=True,
        status=HTTPStatus.ACCEPTED,
        size=event.size,
        message_id=event.message_id,
        body_digest=event.body_digest,
        payload=event.payload,
        execution_id=uuid7(),
        replay_of=event,
    )
    try:
        replay.execution = intake.start(
            schedule, intake.parse(event.payload), event=replay, now=now
        )
    except intake.Refused as refusal:
        raise NotPossible(refusal.reason) from refusal
    replay.save(force_insert=True)
    told = {"event": str(event.pk), "execution": str(replay.execution_id)}
    audit.record("schedule.webhook_replayed", target=schedule, by=by, after=told)
    return replay


@transaction.atomic
def clean_webhooks(*, now: datetime) -> None:
    """Forget keys and events that are old, and end old secrets whose time is over."""
    events = WebhookEvent.objects.all()
    events.filter(pk__lt=first_id_at(now - KEYS_KEPT)).exclude(key="").update(key="")
    events.filter(pk__lt=first_id_at(now - KEYS_KEPT), is_verified=False).delete()
    events.filter(pk__lt=first_id_at(now - EVENTS_KEPT)).delete()
    over = Schedule.objects.filter(old_secret_until__lte=now).order_by("owner_id")
    for schedule in over.select_for_update():
        before = {"old_ref": schedule.old_secret_ref, "old_until": schedule.old_secret_until}
        _end_old_secret(schedule, by=None)
        schedule.save()
        audit.record("schedule.webhook_secret_revoked", target=schedule, by=None, before=before)


def _give_secret(schedule: Schedule, ref: str, *, by: User | None, now: datetime) -> None:
    """Set the secret in memory: the one that `ref` names, or a new one in the store."""
    dialect = signing.DIALECTS[schedule.dialect]
    if ref:
        try:
            secret = secrets.get(ref, schedule.owner)
            dialect.key_of(secret)
        except DomainError as refusal:
            raise ValidationError({"secret_ref": str(refusal)}) from refusal
    else:
        secret = schedule.new_secret = dialect.new_secret()
        name = f"{STORED}/{schedule.pk}/{token_hex(4)}"
        ref = store.put(name, secret, owner=schedule.owner, by=by)
    schedule.secret_ref = ref
    schedule.secret_fingerprint = secrets.fingerprint(secret)
    schedule.secret_created_at = now


def _end_old_secret(schedule: Schedule, *, by: User | None) -> None:
    _forget(schedule.old_secret_ref, schedule, by=by)
    schedule.old_secret_ref = ""
    schedule.old_secret_until = schedule.old_secret_used_at = None


def _end_secrets(schedule: Schedule, *, by: User | None) -> None:
    _end_old_secret(schedule, by=by)
    _forget(schedule.secret_ref, schedule, by=by)
    schedule.secret_ref = schedule.secret_fingerprint = ""


def _forget(ref: str, schedule: Schedule, *, by: User | None) -> None:
    """Delete a secret that was made for the webhook; one of the owner's own stays theirs."""
    name = ref.removeprefix("store:")
    if name.startswith(f"{STORED}/{schedule.pk}/"):
        store.delete(name, owner=schedule.owner, by=by)


def _told_of_secret(schedule: Schedule) -> dict[str, Any]:
    return {"ref": schedule.secret_ref, "fingerprint": schedule.secret_fingerprint}


def _refuse_others_than_webhooks(schedule: Schedule) -> None:
    if schedule.type != Schedule.Type.WEBHOOK:
        raise NotPossible(f"“{schedule}” is not started by webhooks.")


# --- what all of them share -----------------------------------------------------------------------


def _lock(schedule: Schedule) -> Schedule:
    """Return the row as it is now, locked: a loop may be firing it."""
    row = Schedule.objects.select_for_update().filter(pk=schedule.pk).first()
    if row is None:
        raise NotPossible(f"“{schedule}” was deleted meanwhile.")
    return row


def _refuse_archived(schedule: Schedule) -> None:
    if schedule.is_archived:
        raise NotPossible(f"“{schedule}” is archived; create a new schedule instead.")


def _name(operation: str, type_: str, expression: str) -> str:
    """Return a name for a schedule that was given none."""
    try:
        title = registry.get(operation).title
    except registry.UnknownOperation:
        title = operation[:60]  # validation names the problem
    when = {"cron": expression, "webhook": "by webhook"}.get(type_, "by hand")
    return f"{title}, {when}"[:120]


def _told(schedule: Schedule) -> dict[str, Any]:
    fields = TOLD + (TOLD_OF_WEBHOOK if schedule.type == Schedule.Type.WEBHOOK else ())
    return {field: getattr(schedule, field) for field in fields} | {
        "next_execution_at": schedule.next_execution_at
    }
