"""The log for other programs: what the page tells of each entry, and the text that was signed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from audit import records, telling
from audit.models import AuditEventQuerySet
from core import exporting, sentences

if TYPE_CHECKING:
    from accounts.models import User

COLUMNS = (
    *("seq", "at", "actor", "actor_id", "action", "target", "name", "sentence", "before", "after"),
    *("ip", "request_id", "fault", "hash", "text"),
)


def pages_of(events: AuditEventQuerySet, user: User) -> Iterator[list[dict[str, Any]]]:
    """Yield `events`, read by `AuditFilter`, newest first; things are called what `user` sees."""
    for page in exporting.pages_of(events, by="-seq"):
        names = sentences.names_of(user, {event.target for event in page})
        rows = []
        for event in page:
            record = records.record_of(event)
            entry = telling.tell(record, names)
            before, after = telling.parts(record.detail)
            rows.append(
                {
                    "seq": record.seq,
                    "at": record.at,
                    "actor": record.actor or None,
                    "actor_id": event.actor_id,
                    "action": record.action,
                    "target": record.target,
                    "name": entry.named.name if entry.named else None,
                    "sentence": entry.sentence,
                    "before": before or None,
                    "after": after or None,
                    "ip": record.ip or None,
                    "request_id": record.request_id or None,
                    "fault": record.fault or None,
                    "hash": record.hash,
                    "text": event.text,
                }
            )
        yield rows
