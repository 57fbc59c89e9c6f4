"""What the pages of a webhook and their live part are given: one place for both."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from core.pagination import KeyPage, paginate
from scheduling import curl, pages
from scheduling.forms import REPLAYABLE
from scheduling.models import Schedule, WebhookEvent, WebhookEventQuerySet
from scheduling.webhooks import examples

if TYPE_CHECKING:
    from accounts.models import User

PAGE = "scheduling/webhook_detail.html"
EVENT = "scheduling/webhook_event.html"
EVENTS = 50
EXAMPLE = {"event": "test"}  # nothing in it is a parameter: the schedule's own are used


class EventFilter:
    """The event log's filter: what was answered."""

    CHOICES = [("", "All", None), *((*choice, None) for choice in WebhookEvent.Verdict.choices)]

    def __init__(self, query: Mapping[str, Any], events: WebhookEventQuerySet) -> None:
        verdict = str(query.get("verdict", ""))
        self.verdict = verdict if verdict in WebhookEvent.Verdict.values else ""
        self.cursor = str(query.get("cursor", ""))
        self._all = events

    @property
    def query(self) -> dict[str, str]:
        return {"verdict": self.verdict} if self.verdict else {}

    @property
    def address(self) -> str:
        """Return `query` as it stands in an address."""
        return urlencode(self.query)

    @cached_property
    def page(self) -> KeyPage[WebhookEvent]:
        rows = self._all.filter(verdict=self.verdict) if self.verdict else self._all
        # A payload may have 256 KiB; the page of one event shows it.
        return paginate(
            rows.select_related("execution").defer("payload"), cursor=self.cursor, size=EVENTS
        )


def log_context(schedule: Schedule, chosen: EventFilter, user: User) -> dict[str, Any]:
    return {"schedule": schedule, "log": chosen, "zone": user.zone}


def webhook_context(
    schedule: Schedule, chosen: EventFilter, user: User, address: str, now: datetime
) -> dict[str, Any]:
    """`schedule` was read `with_outcome`."""
    return {
        **pages.head_context(schedule, user),
        **log_context(schedule, chosen, user),
        **shell_context(schedule, address),
        "old_until": old_until(schedule, now),
        "replayable": REPLAYABLE if Schedule.Dialect(schedule.dialect).is_replayable else "",
    }


def old_until(schedule: Schedule, now: datetime) -> datetime | None:
    """Return until when the old secret works, or None where there is none that does."""
    until = schedule.old_secret_until
    return until if until and until > now else None


def shell_context(schedule: Schedule, address: str) -> dict[str, Any]:
    return {
        "address": address,
        "curl": curl.command(address, schedule.dialect, examples.lacking(schedule) or EXAMPLE),
        "secret_line": curl.SECRET_LINE,
    }
