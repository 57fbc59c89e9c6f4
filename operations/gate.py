"""May it spend? The one gate before every call: budgets, holds, and what is booked against them.

All movements of money go through `Books`, inside one transaction: it locks the budget periods it
touches in one fixed order (their id), computes on the locked figures, and writes them back in one
statement. A group of a hundred runs so costs two statements, and no two processes can both see the
same free dollar.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import FilteredRelation, Q

from core import sql
from core.money import from_nanos, to_nanos
from core.units import usd
from operations import registry
from operations.models import Budget, BudgetPeriod
from preferences import services as preferences
from preferences.models import OperationPreference

Nanos = int
PeriodIds = tuple[int, ...]
Need = tuple[UUID, str, str]  # owner, operation, month in the owner's zone


class _Month(NamedTuple):
    """The month that an owner's money is in, and the periods of each operation used in it."""

    period: str
    ids: dict[str, PeriodIds]


_known: dict[UUID, _Month] = {}  # by owner
_KNOWN_AT_MOST = 20_000


def month_of(now: datetime, zone: str) -> str:
    """Return the calendar month of `now` in `zone`, as YYYY-MM."""
    return now.astimezone(ZoneInfo(zone)).strftime("%Y-%m")


class Periods:
    """The budget periods that the runs of one transaction fall under, made where they lack.

    All are made together, in the order of their key: two processes that meet the same new month
    then wait for each other in one direction only.
    """

    def __init__(self, needs: Iterable[Need]) -> None:
        wanted = set(needs)
        self._found = {need: ids for need in wanted if (ids := _recall(need)) is not None}
        missing = wanted - self._found.keys()
        made = _make_periods(sorted(missing, key=str))
        self._found |= {need: made[need[0]].ids[need[1]] for need in missing}
        if made:
            # A rolled back transaction takes the rows with it; then nothing remembers them.
            transaction.on_commit(lambda: _remember(made))

    def of(self, need: Need) -> PeriodIds:
        """Return the periods of the owner's total and of the operation."""
        return self._found[need]


def _recall(need: Need) -> PeriodIds | None:
    owner, operation, month = need
    known = _known.get(owner)
    return known.ids.get(operation) if known is not None and known.period >= month else None


def _remember(made: Mapping[UUID, _Month]) -> None:
    if len(_known) >= _KNOWN_AT_MOST:
        _known.clear()
    for owner, month in made.items():
        known = _known.get(owner)
        if known is None or known.period < month.period:
            _known[owner] = month
        elif known.period == month.period:
            known.ids.update(month.ids)


def forget(period_ids: Iterable[int]) -> None:
    """Drop what is remembered of periods that turned out not to exist."""
    gone = set(period_ids)
    for owner in [owner for owner, month in _known.items() if _names(month, gone)]:
        del _known[owner]


def _names(month: _Month, period_ids: Collection[int]) -> bool:
    return any(id_ in period_ids for ids in month.ids.values() for id_ in ids)


def _make_periods(needs: Sequence[Need]) -> dict[UUID, _Month]:
    """Return the periods of each owner's needs, after making what lacks: in five statements.

    A person who moves westward on the first of a month does not get the old month back: the month
    is never earlier than the last one used, by whichever operation.
    """
    if not needs:
        return {}
    owners: dict[UUID, str] = {}
    for owner, _, month in needs:
        owners[owner] = max(owners.get(owner, ""), month)
    scopes = {(owner, scope) for owner, operation, _ in needs for scope in ("", operation)}
    Budget.objects.bulk_create(
        [
            Budget(
                owner_id=owner,
                operation=operation,
                scope=Budget.Scope.OPERATION if operation else Budget.Scope.TOTAL,
            )
            for owner, operation in sorted(scopes, key=str)
        ],
        ignore_conflicts=True,
    )
    rows = Budget.objects.filter(owner__in=owners, operation__in={scope for _, scope in scopes})
    budgets = {
        (owner, operation): id_
        for id_, owner, operation in rows.values_list("id", "owner", "operation")
        if (owner, operation) in scopes
    }
    periods = BudgetPeriod.objects.filter(budget__in=budgets.values())
    for owner, period in periods.values_list("budget__owner", "period"):
        owners[owner] = max(owners[owner], period)
    wanted = {id_: owners[owner] for (owner, _), id_ in budgets.items()}
    BudgetPeriod.objects.bulk_create(
        [BudgetPeriod(budget_id=id_, period=wanted[id_]) for id_ in sorted(wanted)],
        ignore_conflicts=True,
    )
    ids = {
        budget: id_
        for id_, budget, period in periods.values_list("id", "budget", "period")
        if wanted[budget] == period
    }
    months = {owner: _Month(period, {}) for owner, period in owners.items()}
    for owner, operation, _ in needs:
        both = (ids[budgets[owner, scope]] for scope in ("", operation))
        months[owner].ids[operation] = tuple(sorted(both))
    return months


@dataclass(slots=True)
class _Balance:
    spent: Nanos
    held: Nanos
    limit: Nanos | None
    title: str
    period: str
    owner_id: UUID
    is_past: bool  # the budget is in a later month by now
    is_changed: bool = False


class PeriodGone(Exception):
    """What is remembered of an owner's month is not so any more; it is forgotten by now."""


class Books:
    """The balances of some budget periods, locked until the transaction ends.

    Two processes that lock overlapping sets cannot deadlock: each takes all its rows in one
    statement, ordered by id, and takes them after its run rows. So make one `Books` a transaction.
    """

    def __init__(self, period_ids: Iterable[int]) -> None:
        wanted = sorted(set(period_ids))
        self._balances: dict[int, _Balance] = {}
        for start in range(0, len(wanted), sql.CHUNK):
            self._lock(wanted[start : start + sql.CHUNK])
        missing = set(wanted) - self._balances.keys()
        if missing:
            forget(missing)
            raise PeriodGone(f"budget periods {sorted(missing)} are gone")

    def _lock(self, ids: Sequence[int]) -> None:
        among, keys = sql.among("p.id", "bigint", ids)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT p.id, p.spent_usd, p.held_usd,"
                f" COALESCE(b.limit_usd, o.monthly_budget_usd),"
                f" b.operation, p.period, b.owner_id, EXISTS ("
                f"SELECT 1 FROM {sql.table(BudgetPeriod)} l"
                f" WHERE l.budget_id = p.budget_id AND l.period > p.period)"
                f" FROM {sql.table(BudgetPeriod)} p"
                f" JOIN {sql.table(Budget)} b ON b.id = p.budget_id"
                f" LEFT JOIN {sql.table(OperationPreference)} o"
                f" ON o.owner_id = b.owner_id AND o.operation = b.operation"
                f" WHERE {among}"
                f" ORDER BY p.id{sql.for_update(of='p')}",
                keys,
            )
            for id_, spent, held, limit, operation, period, owner, is_past in cursor.fetchall():
                self._balances[id_] = _Balance(
                    spent,
                    held,
                    limit,
                    _title(operation),
                    period,
                    UUID(str(owner)),
                    bool(is_past),
                )

    def hold(self, period_ids: PeriodIds, amount: Nanos) -> str:
        """Reserve `amount` on every period, or on none; return why not, or "" when it is held.

        Raises `PeriodGone` where this process remembers a month that another has left since: the
        next try finds the right one. A run that began in the old month stays in it.
        """
        for id_ in period_ids:
            self._refuse_remembered_past(id_)
            refusal = self.refusal(self._balances[id_], amount)
            if refusal:
                return refusal
        self._move(period_ids, held=amount)
        return ""

    def _refuse_remembered_past(self, period_id: int) -> None:
        balance = self._balances[period_id]
        if not balance.is_past:
            return
        known = _known.get(balance.owner_id)
        if known is not None and known.period <= balance.period:
            del _known[balance.owner_id]
            raise PeriodGone(f"the month {balance.period} of {balance.owner_id} is over")

    def may_pass_later(self, period_ids: PeriodIds, amount: Nanos) -> bool:
        """Say whether only what running calls hold stands in the way.

        They nearly always cost less than they hold, so there may be room once they are booked.
        """
        return all(self.may_ever_pass(self._balances[id_], amount) for id_ in period_ids)

    @staticmethod
    def may_ever_pass(balance: _Balance, amount: Nanos) -> bool:
        return balance.limit is None or balance.spent + amount <= balance.limit

    @staticmethod
    def refusal(balance: _Balance, amount: Nanos) -> str:
        if balance.limit is None or balance.spent + balance.held + amount <= balance.limit:
            return ""
        if not amount:
            return ""  # a free run passes even where the limit was lowered below what is spent
        held = f", {_told(balance.held)} held by running calls" if balance.held else ""
        return (
            f"No room in the monthly budget “{balance.title}”: {_told(balance.spent)} of "
            f"{_told(balance.limit)} spent{held}; this call may cost up to {_told(amount)}."
        )

    def settle(self, period_ids: PeriodIds, *, held: Nanos, booked: Nanos) -> None:
        """Release what a call held and book what it cost."""
        self._move(period_ids, held=-held, spent=booked)

    def correct(self, period_ids: PeriodIds, by: Nanos) -> None:
        """Change what is spent by `by`: an unknown bill became known."""
        self._move(period_ids, spent=by)

    def _move(self, period_ids: PeriodIds, *, held: Nanos = 0, spent: Nanos = 0) -> None:
        if not held and not spent:
            return
        for id_ in period_ids:
            balance = self._balances[id_]
            balance.held += held
            balance.spent += spent
            balance.is_changed = True

    def save(self) -> None:
        rows = [
            (id_, from_nanos(balance.spent), from_nanos(balance.held))
            for id_, balance in self._balances.items()
            if balance.is_changed
        ]
        if rows:
            sql.update_rows(BudgetPeriod, ["id"], ["spent_usd", "held_usd"], rows)


class Refusal(NamedTuple):
    """Why a call would be refused, and by which budget: “total” or an operation; "" if by none."""

    text: str = ""
    scope: str = ""


def refusal_ahead(owner_id: UUID, operation: str, month: str, amount: Nanos) -> Refusal:
    """Return why a call of at most `amount` would be refused by now, if it would not be held.

    One query that locks and makes nothing, so the answer may be another a moment later. What only
    running calls stand in the way of is not refused: it would wait for them.
    """
    limit = preferences.lookup(owner_id, operation).monthly_budget_usd
    limits: dict[str, Decimal | None] = {"": None, operation: limit}
    latest: dict[str, tuple[str, Decimal, Decimal]] = {}
    rows = (
        Budget.objects.filter(owner=owner_id, operation__in=("", operation))
        .annotate(late=FilteredRelation("periods", condition=Q(periods__period__gte=month)))
        .order_by("late__period")
        .values_list("operation", "limit_usd", "late__period", "late__spent_usd", "late__held_usd")
    )
    for scope, total, period, spent, held in rows:
        if not scope:
            limits[scope] = total
        if period is not None:
            latest[scope] = (period, spent, held)
    for scope, limit in limits.items():
        period, spent, held = latest.get(scope, (month, Decimal(0), Decimal(0)))
        balance = _Balance(
            to_nanos(spent),
            to_nanos(held),
            None if limit is None else to_nanos(limit),
            _title(scope),
            period,
            owner_id,
            is_past=False,
        )
        if not Books.may_ever_pass(balance, amount):
            return Refusal(Books.refusal(balance, amount), scope or "total")
    return Refusal()


def _title(operation: str) -> str:
    return registry.title_of(operation) if operation else "Everything"


def _told(nanos: Nanos) -> str:
    return usd(from_nanos(nanos))
