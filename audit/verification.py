"""Reading the chain back: is every entry as it was written, in its place, and the last one last?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import F

from audit import chain
from audit.models import AuditEvent, AuditStream
from audit.services import columns

BATCH = 1_000  # entries in memory at a time

Kind = Literal["edited", "forged", "missing", "moved", "detail", "head"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The first thing wrong in a stream. `event_id` is None where the entry itself is gone."""

    kind: Kind
    seq: int
    event_id: str | None
    says: str


@dataclass(frozen=True, kw_only=True)
class StreamReport:
    stream: str
    entries: int
    finding: Finding | None


@dataclass
class _Place:
    """How far a stream was read: the entry that the next one must follow."""

    seq: int = 0
    hash: str = chain.FIRST


def verify(only: str = "") -> Iterator[StreamReport]:
    """Read every stream, or `only` one, and report on each; memory does not grow with the log.

    What is appended meanwhile is read too or left for next time: it is never taken for a fault.
    """
    for name in _streams(only):
        yield verify_stream(name)


def verify_stream(name: str) -> StreamReport:
    head = AuditStream.objects.filter(name=name).first()
    place = _Place()
    for entry, detail in _entries(name):
        finding = _check(entry, detail, place)
        if (
            finding is None
            and head is not None
            and entry.seq == head.seq
            and entry.hash != head.hash
        ):
            finding = _head_finding(head.seq, "The head of the stream names another last entry.")
        if finding is not None:
            return StreamReport(stream=name, entries=place.seq, finding=finding)
        place = _Place(entry.seq, entry.hash)
    return StreamReport(stream=name, entries=place.seq, finding=_check_end(name, head, place))


def _streams(only: str) -> Iterator[str]:
    if only:
        yield only
        return
    yield from AuditStream.objects.order_by("name").values_list("name", flat=True).iterator()
    headless = AuditEvent.objects.exclude(stream__in=AuditStream.objects.values("name"))
    yield from headless.order_by("stream").values_list("stream", flat=True).distinct().iterator()


def _entries(stream: str) -> Iterator[tuple[AuditEvent, str | None]]:
    """Yield each entry with the text of its detail.

    Related rows would point at each other, and memory would fill until the collector comes by.
    """
    entries = (
        AuditEvent.objects.filter(stream=stream)
        .annotate(detail_text=F("detail__text"))
        .order_by("seq")
    )
    batch = list(entries[:BATCH])
    while batch:
        for entry in batch:
            yield entry, entry.detail_text  # type: ignore[attr-defined]  # annotated above
        batch = list(entries.filter(seq__gt=batch[-1].seq)[:BATCH])


def _check(entry: AuditEvent, detail: str | None, place: _Place) -> Finding | None:
    finding = _check_text(entry)
    if finding is not None:
        return finding
    signed: dict[str, Any] = json.loads(entry.text)
    if entry.seq != place.seq + 1:
        return Finding(
            kind="missing",
            seq=place.seq + 1,
            event_id=None,
            says=f"Entry {place.seq + 1} is missing; the next one there is {entry.seq}.",
        )
    if signed["prev"] != place.hash:
        says = f"It does not follow entry {place.seq} as that stands here."
        return Finding(kind="moved", seq=entry.seq, event_id=str(entry.pk), says=says)
    return _check_detail(entry, detail, signed["detail_sha256"])


def check_alone(entry: AuditEvent, detail: str | None) -> Finding | None:
    """Say what is wrong with `entry` and its detail, apart from its place among the others."""
    finding = _check_text(entry)
    if finding is not None:
        return finding
    return _check_detail(entry, detail, json.loads(entry.text)["detail_sha256"])


def _check_text(entry: AuditEvent) -> Finding | None:
    """Say whether `entry` has the text that was signed, and columns that repeat it."""

    def finding(kind: Kind, says: str) -> Finding:
        return Finding(kind=kind, seq=entry.seq, event_id=str(entry.pk), says=says)

    if not chain.is_signed(entry.text, entry.hash):
        return finding(
            "forged",
            "Its text or hash was edited, or it was written without the audit key, or AUDIT_KEY is"
            " not the key this log was written with.",
        )
    signed: dict[str, Any] = json.loads(entry.text)
    stored = columns(entry)
    if (signed["stream"], signed["seq"]) != (entry.stream, entry.seq):
        return finding(
            "moved", f"It was written as entry {signed['seq']} of stream {signed['stream']}."
        )
    edited = sorted(name for name in stored if stored[name] != signed.get(name))
    if edited:
        return finding("edited", f"Edited after it was signed: {', '.join(edited)}.")
    return None


def _check_detail(entry: AuditEvent, detail: str | None, committed: str | None) -> Finding | None:
    if detail is None and committed is None:
        return None
    if detail is None:
        says = "Its detail is missing."
    elif committed is None:
        says = "A detail was added to it later."
    elif not detail.isascii() or chain.digest(detail) != committed:
        says = "Its detail was edited."
    else:
        return None
    return Finding(kind="detail", seq=entry.seq, event_id=str(entry.pk), says=says)


def _check_end(name: str, head: AuditStream | None, place: _Place) -> Finding | None:
    if head is not None and place.seq < head.seq:
        return Finding(
            kind="missing",
            seq=place.seq + 1,
            event_id=None,
            says=f"Entries {place.seq + 1} to {head.seq} are missing at the end of the stream.",
        )
    # More than the head names: appended while we read, and then the head has moved on as well.
    now = AuditStream.objects.filter(name=name).first()
    if now is None:
        return _head_finding(place.seq, "The head of the stream is missing.") if place.seq else None
    if now.seq < place.seq:
        return _head_finding(
            now.seq, f"The head names {now.seq} as the last of {place.seq} entries."
        )
    return None


def _head_finding(seq: int, says: str) -> Finding:
    return Finding(kind="head", seq=seq, event_id=None, says=says)
