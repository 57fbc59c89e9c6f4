"""Entries as they were stored, each held against its own signature."""

from __future__ import annotations

from audit import telling, verification
from audit.models import AuditEvent


def record_of(event: AuditEvent) -> telling.Record:
    """Return what `event`, read by `AuditFilter`, says, and what is wrong with it."""
    detail: str | None = event.detail_text  # type: ignore[attr-defined]  # annotated by the filter
    finding = verification.check_alone(event, detail)
    return telling.Record(
        id=str(event.pk),
        seq=event.seq,
        at=event.at,
        actor=_name(event),
        action=event.action,
        target=event.target,
        ip=event.ip,
        request_id=event.request_id,
        hash=event.hash,
        detail=detail or "",
        fault=finding.says if finding else "",
    )


def _name(event: AuditEvent) -> str:
    """Return who did it; the log outlives people, whose id then stands for them."""
    if event.actor_id is None:
        return ""
    name: str | None = event.actor_name  # type: ignore[attr-defined]  # annotated by the filter
    return name or str(event.actor_id)
