from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.contrib.auth import get_user_model
from django.db.models import F, OuterRef, Q, Subquery

from audit.models import AuditEvent, AuditEventQuerySet
from core import sentences
from core.http import text_of
from core.pagination import KeyPage, paginate
from core.periods import period_of

if TYPE_CHECKING:
    from accounts.models import User

ME, SYSTEM, OTHERS = "me", "system", "others"
WHO = {ME: "You", SYSTEM: "The system", OTHERS: "Other people"}
LONGEST_SEARCH = 100  # characters
_ACTION = re.compile(r"[a-z_]+\.[a-z_]+")


class AuditFilter:
    """What the address asks of the log, among `events`. What it cannot read, it says.

    Dates are days in the active time zone.
    """

    def __init__(self, query: Mapping[str, str], events: AuditEventQuerySet, *, user: User) -> None:
        self.query = query
        self.user = user
        self.who = query.get("who", "") if query.get("who") in WHO else ""
        self.action = self._action()
        self.search = text_of(query, "q", longest=LONGEST_SEARCH)
        self.period = period_of(query)
        self.problems = self.period.problems
        self._events = self._narrowed(events)

    @property
    def told(self) -> AuditEventQuerySet:
        """Return all that fit, with their `detail_text` and `actor_name`, or None."""
        # Not by a join: conditions on the actor would turn it into one that drops who is gone.
        people = get_user_model()._default_manager.filter(pk=OuterRef("actor_id"))
        return self._events.annotate(
            detail_text=F("detail__text"), actor_name=Subquery(people.values("username"))
        )

    @property
    def page(self) -> KeyPage[AuditEvent]:
        return paginate(self.told, cursor=self.query.get("cursor", ""), by="-seq")

    @property
    def address(self) -> str:
        """Return what an address needs to ask for the same, without the place in the list."""
        asked = {"q": self.search, "who": self.who, "action": self.action} | self.period.query
        return urlencode({name: value for name, value in asked.items() if value})

    @property
    def problems_of_a_file(self) -> list[str]:
        """Return why a file would hold more than was meant; a page shows that, a file does not."""
        unread = [
            f"There is no {name} “{text_of(self.query, name, longest=20)}”."
            for name, read in (("who", self.who), ("action", self.action))
            if self.query.get(name, "") != read
        ]
        return [*unread, *self.problems.values()]

    @property
    def is_on(self) -> bool:
        return any((self.who, self.action, self.search, self.period))

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
        if begins_at := self.period.begins_at:
            events = events.filter(at__gte=begins_at)
        if ends_before := self.period.ends_before:
            events = events.filter(at__lt=ends_before)
        return events

    def _about(self, text: str) -> Q:
        """Match what the log says of an object, its id, and the name it has today."""
        escaped = json.dumps(text)[1:-1]  # as details are written, in ASCII
        return (
            Q(target__icontains=text)
            | Q(detail__text__icontains=escaped)
            | Q(target__in=sentences.targets_called(self.user, text))
        )


def _in_words(action: str) -> str:
    noun, _, verb = action.replace("_", " ").partition(".")
    return f"{noun} {verb}".capitalize()
