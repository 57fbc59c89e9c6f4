"""The one way in for webhooks: verify, write down, queue, answer.

What is answered with 2xx has its rows. Whoever cannot sign learns nothing: of an address without a
schedule, of one that is paused and of a wrong signature they hear the same, after the same work.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from math import ceil
from typing import Any
from uuid import UUID

from cryptography.fernet import Fernet
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from core import secrets, sql
from core.errors import DomainError
from core.ids import first_id_at, uuid7
from core.secrets import BadReference, SecretUnavailable
from operations import registry, validation
from operations.models import Run
from operations.services import NotSubmitted
from scheduling import triggering
from scheduling.models import (
    LONGEST_MESSAGE_ID,
    LONGEST_SIGNATURE,
    Execution,
    Schedule,
    WebhookEvent,
)
from scheduling.webhooks.signing import DIALECTS
from scheduling.webhooks.unread import LARGEST_BODY
from scheduling.webhooks.verdicts import BadSecret, Problem, Verdict

logger = logging.getLogger(__name__)

RATE_WINDOW = timedelta(seconds=10)  # deliveries to one schedule are counted over it,
REFUSAL_WINDOW = timedelta(minutes=1)  # and what one address could not sign, over this
TYPE = re.compile(r"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
CHARSET = re.compile(r";\s*charset\s*=\s*\"?([\w-]+)", re.IGNORECASE)
OLD_SECRET_NOTED = timedelta(minutes=1)  # its last use is told no more exactly than this

Code = WebhookEvent.Code

STATUS: Mapping[Code, HTTPStatus] = {
    Code.NO_LENGTH: HTTPStatus.LENGTH_REQUIRED,
    Code.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Code.WRONG_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Code.UNKNOWN: HTTPStatus.UNAUTHORIZED,
    Code.NOT_WEBHOOK: HTTPStatus.UNAUTHORIZED,
    Code.PAUSED: HTTPStatus.UNAUTHORIZED,
    Code.ARCHIVED: HTTPStatus.UNAUTHORIZED,
    Code.NO_SECRET: HTTPStatus.UNAUTHORIZED,
    Code.UNSIGNED: HTTPStatus.UNAUTHORIZED,
    Code.BAD_SIGNATURE: HTTPStatus.UNAUTHORIZED,
    Code.STALE: HTTPStatus.UNAUTHORIZED,
    Code.LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    Code.MALFORMED: HTTPStatus.BAD_REQUEST,
    Code.UNFIT: HTTPStatus.BAD_REQUEST,
    Code.CONFLICT: HTTPStatus.CONFLICT,
}
UNSIGNED_SENTENCE = "The signature is missing or wrong, or this address takes no deliveries."


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A request as it came. `length` is what it declares, None where it declares none.

    `headers` have their names in small letters. The body is empty where it was not read.
    """

    schedule_id: str
    headers: Mapping[str, str]
    body: bytes
    length: int | None
    address: str
    is_test: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender hears, and what was written down; too many refusals are not."""

    status: int
    said: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    event: WebhookEvent | None = None


class Refused(Exception):
    """The delivery is not taken; `reason` is a sentence for the log of the schedule."""

    def __init__(self, code: Code, reason: str, *, retry_after_s: int = 0) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.retry_after_s = retry_after_s


@dataclass(slots=True)
class _Seen:
    """What is known of a delivery so far."""

    delivery: Delivery
    now: datetime
    schedule: Schedule | None = None
    verdict: Verdict | None = None
    digest: str = ""
    text: str = ""
    message_id: str = ""

    @property
    def is_verified(self) -> bool:
        return self.verdict is not None and self.verdict.problem is None

    def event(self, **more: Any) -> WebhookEvent:
        delivery, schedule, verdict = self.delivery, self.schedule, self.verdict
        if schedule is None:  # nothing but the address is kept
            return WebhookEvent(
                received_at=self.now, address=delivery.address, size=0, is_verified=False, **more
            )
        return WebhookEvent(
            schedule=schedule,
            received_at=self.now,
            dialect=schedule.dialect,
            is_verified=self.is_verified,
            size=len(delivery.body) or delivery.length or 0,
            address=delivery.address,
            signature=_storable(verdict.signature if verdict else "")[:LONGEST_SIGNATURE],
            message_id=self.message_id[:LONGEST_MESSAGE_ID],
            body_digest=self.digest if self.is_verified else "",
            payload=self.text if self.is_verified else "",
            is_test=delivery.is_test,
            **more,
        )


def receive(delivery: Delivery) -> Answer:
    """Take a delivery: its rows are written when this returns. Raises `django.db.Error`."""
    seen = _Seen(delivery, timezone.now())
    try:
        return _accept(seen)
    except Refused as refusal:
        return _refuse(seen, refusal)


# --- the steps ------------------------------------------------------------------------------------


def _accept(seen: _Seen) -> Answer:
    seen.schedule = _find(seen.delivery.schedule_id)
    _check_form(seen.delivery)
    seen.verdict = _verify(seen)
    schedule = seen.schedule
    if schedule is None:  # _verify has refused it
        raise AssertionError
    _limit(schedule, seen.now)
    payload = _parse(seen)
    seen.message_id = seen.verdict.message_id or DIALECTS[schedule.dialect].id_in(payload)
    seen.message_id = _storable(seen.message_id)
    _note_old_secret(schedule, seen.verdict, seen.now)
    with transaction.atomic():
        event, is_first = _claim(seen)
        if is_first:
            execution = start(schedule, payload, event=event, now=seen.now)
    if not is_first:
        return _repeat(seen, event)
    return _accepted(event, execution, HTTPStatus.ACCEPTED)


def _find(text: str) -> Schedule | None:
    try:
        key = UUID(text)
    except ValueError:
        key = UUID(int=0)  # asked for like any other: an odd id is not told by its time
    rows = Schedule.objects.select_related("owner", "running_execution")
    return rows.filter(pk=key).first()


def _check_form(delivery: Delivery) -> None:
    if delivery.length is None:
        raise Refused(Code.NO_LENGTH, "A delivery says how long it is (Content-Length).")
    if max(delivery.length, len(delivery.body)) > LARGEST_BODY:
        raise Refused(Code.TOO_LARGE, "A delivery has at most 256 KiB.")
    given = delivery.headers.get("content-type", "")
    charset = CHARSET.search(given)
    if not TYPE.fullmatch(given.strip()) or (charset and charset[1].lower() != "utf-8"):
        raise Refused(Code.WRONG_TYPE, "A delivery is application/json in UTF-8.")


def _verify(seen: _Seen) -> Verdict:
    """Return the verdict on the signature where it is good; the work does not depend on why not."""
    schedule, delivery = seen.schedule, seen.delivery
    seen.digest = hashlib.sha256(delivery.body).hexdigest()
    if schedule is None or schedule.type != Schedule.Type.WEBHOOK:
        _pretend(delivery)
        if schedule is None:
            raise Refused(Code.UNKNOWN, "There is no such schedule.")
        raise Refused(Code.NOT_WEBHOOK, "This schedule is not started by webhooks.")
    dialect = DIALECTS[schedule.dialect]
    try:
        keys = [dialect.key_of(secret) for secret in _secrets(schedule, seen.now)]
    except (BadReference, SecretUnavailable, BadSecret) as error:
        _pretend(delivery)
        if not schedule.is_archived:
            logger.warning("The secret of schedule %s cannot be read: %s", schedule.pk, error)
            raise Refused(Code.NO_SECRET, f"Its secret cannot be read: {error}") from error
        keys = []
    window = timedelta(seconds=schedule.replay_window_s)
    verdict = dialect.verify(delivery.headers, delivery.body, keys, seen.now, window)
    seen.verdict = verdict
    if schedule.is_archived:
        raise Refused(Code.ARCHIVED, "The schedule is archived.")
    if verdict.problem is Problem.UNSIGNED:
        raise Refused(Code.UNSIGNED, "It has no signature of this dialect.")
    if verdict.problem is Problem.BAD_SIGNATURE:
        raise Refused(Code.BAD_SIGNATURE, "The signature is not that of this body and secret.")
    if verdict.problem is Problem.STALE:
        raise Refused(
            Code.STALE,
            f"It was signed at {verdict.sent_at:%Y-%m-%d %H:%M:%S} UTC, more than "
            f"{schedule.replay_window_s:,} s from now.",
        )
    if not schedule.enabled:
        raise Refused(Code.PAUSED, f"The schedule is paused: {schedule.pause_reason}")
    return verdict


def _secrets(schedule: Schedule, now: datetime) -> list[secrets.Secret]:
    """Return the secrets that hold now, newest first, as they are at this moment.

    No process remembers them: what is revoked is refused at once, everywhere.
    """
    refs = [schedule.secret_ref]
    if schedule.old_secret_until is not None and now < schedule.old_secret_until:
        refs.append(schedule.old_secret_ref)
    return [secrets.get(ref, schedule.owner) for ref in refs]


_decoy = Fernet(Fernet.generate_key())
_decoy_token = _decoy.encrypt(os.urandom(200))
_decoy_key = os.urandom(32)


def _pretend(delivery: Delivery) -> None:
    """Do what verifying does, for nothing: how long it takes tells nobody what there is."""
    try:
        secrets.get("store:webhooks/none", None)
    except SecretUnavailable:
        _decoy.decrypt(_decoy_token)
    for name, dialect in DIALECTS.items():
        signed = dialect.sign(_decoy_key, b"", timezone.now(), "-")
        if name == "standard" or any(header.lower() in delivery.headers for header in signed):
            dialect.verify(
                delivery.headers, delivery.body, [_decoy_key], timezone.now(), RATE_WINDOW
            )
            return


def _limit(schedule: Schedule, now: datetime) -> None:
    """Refuse what comes too fast. The rows are counted, so it holds for all processes together."""
    most = settings.HELIX_WEBHOOKS_PER_S * int(RATE_WINDOW.total_seconds())
    wait_s = _over("schedule_id = %s", schedule.pk, most, RATE_WINDOW, now)
    if wait_s:
        raise Refused(
            Code.LIMITED,
            f"More than {settings.HELIX_WEBHOOKS_PER_S:,} deliveries a second.",
            retry_after_s=wait_s,
        )


def _over(whose: str, value: Any, most: int, window: timedelta, now: datetime) -> int:
    """Return in how many seconds there is room again for one more of these events, 0 for now.

    Written out, as each delivery asks it: Django takes longer to say it than PostgreSQL to answer.
    """
    id_field = WebhookEvent._meta.pk
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT received_at FROM {sql.table(WebhookEvent)} WHERE {whose} AND id >= %s"  # noqa: S608
            " ORDER BY id DESC LIMIT 1 OFFSET %s",
            [
                sql.bind(id_field, value) if isinstance(value, UUID) else value,
                sql.bind(id_field, first_id_at(now - window)),
                most - 1,
            ],
        )
        rows = sql.read_rows(WebhookEvent, ("received_at",), cursor.fetchall())
    return max(1, ceil((rows[0][0] + window - now).total_seconds())) if rows else 0


def _parse(seen: _Seen) -> dict[str, Any]:
    try:
        text = seen.delivery.body.decode()
    except UnicodeDecodeError as error:
        raise Refused(Code.MALFORMED, f"Byte {error.start:,} of the body is no UTF-8.") from None
    payload = parse(text)
    seen.text = text
    return payload


def parse(text: str) -> dict[str, Any]:
    """Return the object that `text` is in JSON, or raise `Refused`."""
    try:
        payload = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise Refused(Code.MALFORMED, "The body is nested too deeply.") from None
    except ValueError as error:
        raise Refused(Code.MALFORMED, f"The body is not JSON: {_told(error)}.") from None
    # Numbers that are no parameters, such as nanoseconds, may be as large as JSON's are.
    whole = payload if isinstance(payload, dict) else {"body": payload}
    problems = validation.unstorable(whole, largest=sys.float_info.max)
    if problems:
        told = "; ".join(f"{path[:80]} {problem}" for path, problem in problems.items())
        raise Refused(Code.MALFORMED, _storable(f"The body cannot be kept: {told}."))
    if not isinstance(payload, dict):
        raise Refused(Code.MALFORMED, "The body must be a JSON object, {…}.")
    return payload


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _told(error: ValueError) -> str:
    """Return what is wrong without quoting the body."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return _storable(str(error))[:200]


def _note_old_secret(schedule: Schedule, verdict: Verdict, now: datetime) -> None:
    used_at = schedule.old_secret_used_at
    if verdict.secret and (used_at is None or now - used_at > OLD_SECRET_NOTED):
        rows = Schedule.objects.filter(pk=schedule.pk, old_secret_ref=schedule.old_secret_ref)
        rows.update(old_secret_used_at=now)


def _claim(seen: _Seen) -> tuple[WebhookEvent, bool]:
    """Write the event of a first delivery, or return the one that came before, by the key.

    Of two at once the second waits here for the first to commit.
    """
    event = seen.event(
        verdict=WebhookEvent.Verdict.ACCEPTED,
        status=HTTPStatus.ACCEPTED,
        key=_key(seen),
        execution_id=uuid7(),
    )
    fields = event._meta.concrete_fields
    written = sql.insert_rows(
        WebhookEvent,
        [str(each.column) for each in fields],
        [tuple(getattr(event, each.attname) for each in fields)],
        on_conflict="ON CONFLICT DO NOTHING",
        returning="id",
    )
    if written:
        return event, True
    return WebhookEvent.objects.get(schedule=seen.schedule, key=event.key), False


def _key(seen: _Seen) -> str:
    if not seen.message_id:
        return f"body:{seen.digest}"
    if len(seen.message_id) <= LONGEST_MESSAGE_ID:
        return f"id:{seen.message_id}"
    return f"id256:{hashlib.sha256(seen.message_id.encode()).hexdigest()}"


def start(
    schedule: Schedule, payload: Mapping[str, Any], *, event: WebhookEvent, now: datetime
) -> Execution:
    """Start the run that `event` asks for, or write down why it was skipped.

    In the caller's transaction. Raises `Refused`.
    """
    parameters = _parameters(schedule, payload)
    if not triggering.is_busy(schedule, now):
        locked = Schedule.objects.select_for_update(no_key=True).filter(pk=schedule.pk).first()
        if locked is None:
            raise Refused(Code.UNKNOWN, "The schedule was deleted meanwhile.")
        if not locked.enabled:
            raise Refused(Code.PAUSED, f"The schedule is paused: {locked.pause_reason}")
        locked.owner = schedule.owner
        schedule = locked
    try:
        return triggering.trigger(
            schedule,
            by=Execution.Trigger.WEBHOOK,
            origin=Run.Origin.WEBHOOK,
            parameters=parameters,
            now=now,
            key=event.execution_id,
        )
    except NotSubmitted as refusal:
        return triggering.skip(
            schedule,
            by=Execution.Trigger.WEBHOOK,
            reason=str(refusal),
            now=now,
            key=event.execution_id,
        )
    except DomainError as refusal:
        raise Refused(Code.UNFIT, str(refusal)) from refusal


def _parameters(schedule: Schedule, payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schedule's own parameters, with the payload over them where it is meant for us.

    It is if one of its names is a parameter of the operation; then all of it must fit. What
    GitHub or Stripe tell is about something else: the run is made of the fixed ones alone.
    """
    try:
        fields = registry.get(schedule.operation).parameters.model_fields
    except registry.UnknownOperation as refusal:
        raise Refused(Code.UNFIT, str(refusal)) from refusal
    names = {each.alias or name for name, each in fields.items()}
    if names.isdisjoint(payload):
        return schedule.parameters  # type: ignore[no-any-return]  # a JSON object, by the model
    return {**schedule.parameters, **payload}


# --- the answers ----------------------------------------------------------------------------------


def _accepted(event: WebhookEvent, execution: Execution, status: HTTPStatus) -> Answer:
    said = {
        "accepted": True,
        "schedule_id": str(event.schedule_id),
        "execution_id": str(execution.pk),
        "status": execution.status,
    }
    if status == HTTPStatus.OK:
        said["duplicate"] = True
    return Answer(status, said, event=event)


def _repeat(seen: _Seen, first: WebhookEvent) -> Answer:
    """Answer a delivery whose key is known: with the first execution, or a refusal."""
    if first.body_digest != seen.digest:
        raise Refused(
            Code.CONFLICT,
            f"A delivery with this id and another body came at "
            f"{first.received_at:%Y-%m-%d %H:%M:%S} UTC.",
        )
    execution = Execution.objects.select_related("run").get(webhook_events=first)
    event = seen.event(
        verdict=WebhookEvent.Verdict.DUPLICATE, status=HTTPStatus.OK, execution=execution
    )
    event.payload = ""  # the first has it
    event.save(force_insert=True)
    return _accepted(event, execution, HTTPStatus.OK)


def _refuse(seen: _Seen, refusal: Refused) -> Answer:
    status, address = STATUS[refusal.code], seen.delivery.address
    retry_after_s = refusal.retry_after_s
    if not seen.is_verified:
        most = settings.HELIX_WEBHOOK_REFUSALS
        unverified = "NOT is_verified AND address = %s"
        retry_after_s = _over(unverified, address, most, REFUSAL_WINDOW, seen.now)
    logger.info(
        "Webhook %s from %s: %s %s%s",
        seen.schedule.pk if seen.schedule else "of no schedule",
        address or "an unknown address",
        int(HTTPStatus.TOO_MANY_REQUESTS if retry_after_s else status),
        refusal.code,
        " and more than are written down" if retry_after_s else "",
    )
    if retry_after_s:  # no row: whoever floods us does not fill the table
        said = {"error": "limited", "message": "Too many; wait before the next."}
        return Answer(HTTPStatus.TOO_MANY_REQUESTS, said, {"Retry-After": str(retry_after_s)})
    event = seen.event(
        verdict=WebhookEvent.Verdict.REFUSED,
        code=refusal.code,
        reason=refusal.reason,
        status=status,
    )
    event.save(force_insert=True)
    if status == HTTPStatus.UNAUTHORIZED:
        return Answer(status, {"error": "unauthorized", "message": UNSIGNED_SENTENCE}, event=event)
    return Answer(status, {"error": refusal.code, "message": refusal.reason}, event=event)


def _storable(text: str) -> str:
    """Return `text` as PostgreSQL can keep it."""
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
