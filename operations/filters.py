"""What the address of the list of runs may ask for, and the answer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models.functions import Left
from django.http import QueryDict

from core import live
from core.http import text_of
from core.ids import first_id_at
from core.pagination import KeyPage, paginate
from core.periods import period_of
from operations import origins, registry
from operations.models import Run, RunQuerySet
from operations.origins import Origin
from providers import catalogue

COUNTED_AT_MOST = 1_000  # of a state; whoever has more reads “1,000+”, at the same speed
TOLD = 160  # characters of an error in a row; the run's page has all of it
CLOCKS_DIFFER = timedelta(hours=1)  # an id is made by one clock, created_at by another
LONG = ("parameters", "result", "error", "reason")  # columns that a list does not read

_NOT_HEX = re.compile(r"[^0-9a-f]")


@dataclass(frozen=True, slots=True)
class Row:
    """A run of the list, and what started it where an app above knows."""

    run: Run
    origin: Origin | None

    @property
    def title(self) -> str:
        return registry.title_of(self.run.operation)


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str


class RunFilter:
    """The runs that the query `data` asks for, among `runs`. What it cannot read, it says.

    Dates are days in the active time zone.
    """

    def __init__(self, data: Mapping[str, str], runs: RunQuerySet) -> None:
        self.data = data
        self.problems: dict[str, str] = {}
        self.status = self._one_of("status", Run.Status.values)
        self.origin = self._one_of("origin", Run.Origin.values)
        self.operation = text_of(data, "operation", longest=64)
        self.model = text_of(data, "model", longest=200)
        self.period = period_of(data)
        self.problems.update(self.period.problems)
        self.search = data.get("q", "").strip()[:64]
        self._asked_for = self._narrowed(runs)

    # --- what was asked ---------------------------------------------------------------------------

    def _one_of(self, name: str, known: list[str]) -> str:
        value = self.data.get(name, "")
        return value if value in known else ""

    def _narrowed(self, runs: RunQuerySet) -> RunQuerySet:
        if self.operation:
            runs = runs.filter(operation=self.operation)
        if self.origin:
            runs = runs.filter(origin=self.origin)
        if self.model:
            provider, _, model = self.model.partition(":")
            runs = runs.filter(provider=provider)
            if model:
                runs = runs.filter(model=model)
        if start := self.period.begins_at:
            runs = runs.filter(created_at__gte=start, id__gte=first_id_at(start - CLOCKS_DIFFER))
        if end := self.period.ends_before:
            runs = runs.filter(created_at__lt=end, id__lt=first_id_at(end + CLOCKS_DIFFER))
        return self._searched(runs) if self.search else runs

    def _searched(self, runs: RunQuerySet) -> RunQuerySet:
        """Keep the runs whose id begins like the search; no dash is needed."""
        begin = self.search.lower().replace("-", "")
        if _NOT_HEX.search(begin) or len(begin) > 32:
            self.problems["q"] = "An id has only digits, the letters a to f, and dashes."
            return runs.none()
        first, last = UUID(begin.ljust(32, "0")), UUID(begin.ljust(32, "f"))
        return runs.filter(id__gte=first, id__lte=last)

    @property
    def is_narrowed(self) -> bool:
        return any((self.status, self.operation, self.origin, self.model, self.search)) or bool(
            self.period
        )

    @property
    def cursor(self) -> str:
        return self.data.get("cursor", "")

    def querystring(self, **changes: str) -> str:
        """Return the address's query with `changes`; "" takes a name out."""
        query = self.query.copy()
        query.pop("cursor", None)
        for name, value in changes.items():
            query[name] = value
        for name in [name for name, value in query.items() if not value]:
            del query[name]
        return query.urlencode()

    @cached_property
    def query(self) -> QueryDict:
        query = QueryDict(mutable=True)
        for name in ("status", "operation", "origin", "model", "from", "to", "q", "cursor"):
            if self.data.get(name):
                query[name] = self.data[name]
        return query

    @property
    def live_query(self) -> str | None:
        """Return the query under which the list is live.

        None where it stands still: on a later page, and where a live part of that name is refused,
        with which the whole page's stream would be.
        """
        query = self.query.urlencode()
        is_short = len(f"run-states?{query}") <= live.LONGEST_PART
        return query if is_short and not self.cursor else None

    # --- the answer -------------------------------------------------------------------------------

    @cached_property
    def page(self) -> KeyPage[Run]:
        runs = self._found().defer(*LONG)
        return paginate(
            runs.annotate(told_reason=Left("reason", TOLD), told_error=Left("error", TOLD)),
            cursor=self.cursor,
        )

    @cached_property
    def rows(self) -> list[Row]:
        known = origins.of([run.pk for run in self.page.rows])
        return [Row(run, known.get(run.pk)) for run in self.page.rows]

    @cached_property
    def state_counts(self) -> dict[str, str]:
        """Return how many runs of each state there are, "" for all, counted up to a limit."""
        if self._newest is None:
            counts = self._counted_one_by_one()
        else:
            counts = {"": len(self._newest)} | Counter(status for _, status in self._newest)
        return {state: _told(counts.get(state, 0)) for state in ("", *Run.Status.values)}

    def _counted_one_by_one(self) -> dict[str, int]:
        """Count each state by the index that serves it, all in one statement."""
        parts: list[str] = []
        values: list[Any] = []
        for state in ("", *Run.Status.values):
            rows = self._asked_for.of_status(state) if state else self._asked_for
            try:
                counted = rows.order_by().values("pk")[: COUNTED_AT_MOST + 1]
                text, bound = counted.query.sql_with_params()
            except EmptyResultSet:
                return {}
            parts.append(f"(SELECT count(*) FROM ({text}) s)")  # noqa: S608 - text of the ORM
            values += bound
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(parts)}", values)
            return dict(zip(("", *Run.Status.values), cursor.fetchone(), strict=True))

    @cached_property
    def _newest(self) -> list[tuple[UUID, str]] | None:
        """Return the newest runs (id, state) where no index knows the filter; else None.

        Where few match, that has read all of the owner's runs: once is enough.
        """
        if not self.origin and not self.model:
            return None
        newest = self._asked_for.order_by("-id").values_list("pk", "status")
        return list(newest[: COUNTED_AT_MOST + 1])

    def _found(self) -> RunQuerySet:
        runs = self._asked_for
        if self._newest is not None and len(self._newest) <= COUNTED_AT_MOST:
            ids = [id_ for id_, status in self._newest if self.status in ("", status)]
            return runs.filter(pk__in=ids)
        return runs.of_status(self.status) if self.status else runs

    # --- what there is to choose ------------------------------------------------------------------

    @property
    def states(self) -> Sequence[tuple[str, str, str | None]]:
        """Return the choices of the state; rare states show only where there is a run of them."""
        counts = self.state_counts
        return [("", "All", counts[""])] + [
            (state.value, state.label, counts[state])
            for state in SHOWN_STATES
            if counts[state] != "0" or state in ALWAYS or state == self.status
        ]

    @property
    def operations(self) -> list[Choice]:
        known = [Choice(each.slug, each.title) for each in registry.all_operations()]
        return _with_chosen(known, self.operation)

    @property
    def origin_choices(self) -> list[Choice]:
        return [Choice(value, label) for value, label in Run.Origin.choices]

    @property
    def models(self) -> list[tuple[str, list[Choice]]]:
        """Return providers with their models; a provider alone stands for all of its own."""
        groups = []
        offered = catalogue.snapshot()
        for provider in offered.providers.values():
            models = [
                Choice(model.ref, model.name)
                for model in offered.models.values()
                if model.provider == provider.name
            ]
            groups.append((provider.label, [Choice(provider.name, "Any of them"), *models]))
        if self.model and not any(
            choice.value == self.model for _, group in groups for choice in group
        ):
            groups.append(("No longer offered", [Choice(self.model, self.model)]))
        return groups


SHOWN_STATES = (
    Run.Status.RUNNING,
    Run.Status.PENDING,
    Run.Status.WAITING,
    Run.Status.SUCCESS,
    Run.Status.FAILED,
    Run.Status.SKIPPED,
    Run.Status.CANCELLED,
)
ALWAYS = frozenset({Run.Status.RUNNING, Run.Status.PENDING, Run.Status.SUCCESS, Run.Status.FAILED})


def _told(number: int) -> str:
    return f"{COUNTED_AT_MOST:,}+" if number > COUNTED_AT_MOST else f"{number:,}"


def _with_chosen(known: list[Choice], value: str) -> list[Choice]:
    """Add what the address asks for, where it is not offered any more."""
    is_known = not value or any(choice.value == value for choice in known)
    return known if is_known else [*known, Choice(value, value)]
