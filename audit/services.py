from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Model
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from audit import chain
from audit.models import SYSTEM_STREAM, AuditDetail, AuditEvent, AuditStream, target_name
from core import origin
from core.ids import uuid7
from core.secrets.masking import mask, mask_values

if TYPE_CHECKING:
    from accounts.models import User


def record(
    event: str,
    *,
    target: Model | str,
    by: User | None,
    owner: User | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    ip: str | None = None,
    request_id: str | None = None,
) -> AuditEvent:
    """Append `event` to the stream of the target's owner, else of `by`, else of the system.

    Call it last in the business transaction: the change and its record stand or fall together, and
    the stream stays locked until then. Who records for several owners does so in the order of
    their ids, or two such transactions deadlock. Outside a transaction it raises. Secrets become
    dots. `ip` and `request_id` are those of the request being answered, unless given.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError(f"“{event}” must be recorded inside its transaction.")
    here = origin.current()
    stream = _stream_of(target, by=by, owner=owner)
    detail = _detail(before, after)
    head = AuditStream.objects.select_for_update().filter(name=stream).first()
    while True:
        entry = _entry(
            event,
            stream=stream,
            seq=head.seq + 1 if head else 1,
            by=by,
            target=mask(target_name(target)),
            ip=here.ip if ip is None else ip,
            request_id=here.request_id if request_id is None else request_id,
            prev=head.hash if head else chain.FIRST,
            detail_sha256=chain.digest(detail) if detail else None,
        )
        if head is not None or _open_stream(entry):
            break
        # Another transaction opened the stream while we asked; its row is there by now.
        head = AuditStream.objects.select_for_update().get(name=stream)
    entry.save(force_insert=True)
    if detail:
        AuditDetail.objects.bulk_create([AuditDetail(event=entry, text=detail)])
    if head is not None:
        AuditStream.objects.filter(name=stream).update(seq=entry.seq, hash=entry.hash)
    return entry


def _stream_of(target: Model | str, *, by: User | None, owner: User | None) -> str:
    if owner is not None:
        return str(owner.pk)
    owner_id = getattr(target, "owner_id", None)
    if owner_id is not None:
        return str(owner_id)
    return SYSTEM_STREAM if by is None else str(by.pk)


def _detail(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    parts = {"before": before, "after": after}
    told = {name: mask_values(part) for name, part in parts.items() if part is not None}
    return chain.canonical(told) if told else ""


def _entry(
    event: str,
    *,
    stream: str,
    seq: int,
    by: User | None,
    target: str,
    ip: str,
    request_id: str,
    prev: str,
    detail_sha256: str | None,
) -> AuditEvent:
    entry = AuditEvent(
        id=uuid7(),
        stream=stream,
        seq=seq,
        at=timezone.now(),
        actor_id=None if by is None else by.pk,
        action=event,
        target=target,
        ip=ip,
        request_id=request_id,
    )
    entry.text = chain.canonical({**columns(entry), "detail_sha256": detail_sha256, "prev": prev})
    entry.hash = chain.sign(entry.text)
    return entry


def columns(entry: AuditEvent) -> dict[str, Any]:
    """Return what the columns of `entry` say, in the words of its signed text."""
    return {
        "v": chain.VERSION,
        "id": str(entry.pk),
        "stream": entry.stream,
        "seq": entry.seq,
        "at": chain.moment(entry.at),
        "actor": SYSTEM_STREAM if entry.actor_id is None else str(entry.actor_id),
        "action": entry.action,
        "target": entry.target,
        "ip": entry.ip,
        "request_id": entry.request_id,
    }


def _open_stream(entry: AuditEvent) -> bool:
    """Write the head of a stream that has none. False when another transaction was first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_streams (name, seq, hash) VALUES (%s, %s, %s)"
            " ON CONFLICT (name) DO NOTHING",
            [entry.stream, entry.seq, entry.hash],
        )
        return bool(cursor.rowcount == 1)
