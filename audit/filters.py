from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone

from audit.models import AuditEvent, AuditEventQuerySet
from core import sentences
from core.http import text_of
from core.pagination import KeyPage, paginate

if TYPE_CHECKING:
    from accounts.models import User

ME, SYSTEM, OTHERS = "me", "system", "others"
WHO = {ME: "You", SYSTEM: "The system", OTHERS: "Other people"}
LONGEST_SEARCH = 100  # characters
YEARS = range(1970, 9000)  # far from what a clock's zone cannot add up
_ACTION = re.compile(r"[a-z_]+\.[a-z_]+")


class AuditFilter:
    """What the address asks of the log, among `events`. What it cannot read, it says.

    Dates are days in the active time zone.
    """

    def __init__(self, query: Mapping[str, str], events: AuditEventQuerySet, *, user: User) -> None:
        self.query = query
        self.user = user
        self.problems: dict[str, str] = {}
        self.who = query.get("who", "") if query.get("who") in WHO else ""
        self.action = self._action()
        self.search = text_of(query, "q", longest=LONGEST_SEARCH)
        self.first = self._day("from")
        self.last = self._day("to")
        if self.first and self.last and self.last < self.first:
            self.problems["to"] = "The period ends before it begins."
        self._events = self._narrowed(events)

    @property
    def page(self) -> KeyPage[AuditEvent]:
        """Return the page asked for: events with their `detail_text` and `actor_name`, or None."""
        # Not by a join: conditions on the actor would turn it into one that drops who is gone.
        people = get_user_model()._default_manager.filter(pk=OuterRef("actor_id"))
        told = self._events.annotate(
            detail_text=F("detail__text"), actor_name=Subquery(people.values("username"))
        )
        return paginate(told, cursor=self.query.get("cursor", ""), by="-seq")

    @property
    def is_on(self) -> bool:
        return any((self.who, self.action, self.search, self.first, self.last))

    @property
    def who_choices(self) -> list[tuple[str, str]]:
        return [("", "Anybody"), *WHO.items()]

    @property
    def action_choices(self) -> list[tuple[str, str]]:
        known = dict.fromkeys([*sentences.actions(), *filter(None, [self.action])])
        return [("", "Any action"), *((each, _in_words(each)) for each in sorted(known))]

    def _action(self) -> str:
        action = self.query.get("action", "")
        return action if _ACTION.fullmatch(action) else ""

    def _day(self, name: str) -> date | None:
        text = self.query.get(name, "").strip()
        if not text:
            return None
        try:
            day = date.fromisoformat(text)
        except ValueError:
            day = None
        if day is None or day.year not in YEARS:
            self.problems[name] = f"“{text[:20]}” is no date, such as 2026-11-22."
            return None
        return day

    def _narrowed(self, events: AuditEventQuerySet) -> AuditEventQuerySet:
        if self.who == ME:
            events = events.filter(actor=self.user)
        elif self.who == SYSTEM:
            events = events.filter(actor=None)
        elif self.who == OTHERS:
            events = events.exclude(actor=None).exclude(actor=self.user)
        if self.action:
            events = events.filter(action=self.action)
        if self.search:
            events = events.filter(self._about(self.search))
        if self.first:
            events = events.filter(at__gte=_midnight(self.first))
        if self.last:
            events = events.filter(at__lt=_midnight(self.last + timedelta(days=1)))
        return events

    def _about(self, text: str) -> Q:
        """Match what the log says of an object, its id, and the name it has today."""
        escaped = json.dumps(text)[1:-1]  # as details are written, in ASCII
        return (
            Q(target__icontains=text)
            | Q(detail__text__icontains=escaped)
            | Q(target__in=sentences.targets_called(self.user, text))
        )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=timezone.get_current_timezone())


def _in_words(action: str) -> str:
    noun, _, verb = action.replace("_", " ").partition(".")
    return f"{noun} {verb}".capitalize()
