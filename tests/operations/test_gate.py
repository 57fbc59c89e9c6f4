from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from core.money import from_nanos, to_nanos
from operations import gate, services
from operations.gate import Books, Periods
from operations.models import Budget, BudgetPeriod
from tests.builders import make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
USD = 1_000_000_000  # nano-dollars
ZERO = Decimal(0)


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    gate._known.clear()


def find(
    owner: User,
    *,
    now: datetime = NOW,
    zone: str = "UTC",
    operation: str = "email-classify",
) -> gate.PeriodIds:
    need = (owner.pk, operation, gate.month_of(now, zone))
    return Periods([need]).of(need)


def balance(owner: User, operation: str = "") -> tuple[Decimal, Decimal]:
    row = BudgetPeriod.objects.get(budget__owner=owner, budget__operation=operation)
    return row.spent_usd, row.held_usd


def limit(owner: User, usd: str, operation: str = "") -> None:
    services.set_budget(owner=owner, limit_usd=Decimal(usd), operation=operation, by=owner)


def test_a_run_falls_under_the_total_and_its_operation(alice: User) -> None:
    ids = find(alice)

    rows = BudgetPeriod.objects.filter(pk__in=ids).select_related("budget")
    assert {(row.budget.operation, row.period) for row in rows} == {
        ("", "2026-11"),
        ("email-classify", "2026-11"),
    }


def test_the_month_is_the_owners(alice: User) -> None:
    new_year = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)

    assert gate.month_of(new_year, "UTC") == "2026-12"
    assert gate.month_of(new_year, "Europe/Berlin") == "2027-01"
    assert gate.month_of(new_year, "America/New_York") == "2026-12"


def test_moving_westward_does_not_bring_the_old_month_back(alice: User) -> None:
    moment = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    in_berlin = find(alice, now=moment, zone="Europe/Berlin")
    gate._known.clear()

    in_new_york = find(alice, now=moment, zone="America/New_York")

    assert in_berlin == in_new_york
    assert BudgetPeriod.objects.get(pk=in_berlin[0]).period == "2026-12"


def periods_of(ids: gate.PeriodIds) -> set[str]:
    return set(BudgetPeriod.objects.filter(pk__in=ids).values_list("period", flat=True))


@pytest.mark.django_db(transaction=True)  # memory is filled by commits
def test_the_old_month_does_not_come_back_through_memory(alice: User) -> None:
    moment = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    find(alice, now=moment, zone="America/New_York")
    in_berlin = find(alice, now=moment, zone="Europe/Berlin")

    back_in_new_york = find(alice, now=moment, zone="America/New_York")

    assert back_in_new_york == in_berlin
    assert periods_of(back_in_new_york) == {"2026-12"}


@pytest.mark.django_db(transaction=True)
def test_all_operations_of_an_owner_are_in_one_month(alice: User) -> None:
    moment = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    old = find(alice, now=moment, zone="America/New_York", operation="email-classify")
    find(alice, now=moment, zone="Europe/Berlin", operation="task-breakdown")

    new = find(alice, now=moment, zone="America/New_York", operation="email-classify")

    assert (periods_of(old), periods_of(new)) == ({"2026-11"}, {"2026-12"})


@pytest.mark.django_db(transaction=True)
def test_a_month_that_another_process_has_ended_is_found_anew(alice: User) -> None:
    old = find(alice)
    for budget in Budget.objects.all():  # by another process, which remembers for itself
        BudgetPeriod.objects.create(budget=budget, period="2026-12")

    with pytest.raises(gate.PeriodGone), transaction.atomic():
        Books(old).hold(old, USD)

    new = find(alice)
    assert periods_of(new) == {"2026-12"}
    with transaction.atomic():
        assert Books(new).hold(new, USD) == ""


@pytest.mark.django_db(transaction=True)
def test_a_run_that_began_in_the_old_month_stays_in_it(alice: User) -> None:
    old = find(alice)
    find(alice, now=datetime(2026, 12, 1, tzinfo=UTC))

    with transaction.atomic():
        books = Books(old)
        refusal = books.hold(old, USD)
        books.save()

    assert refusal == ""
    assert set(BudgetPeriod.objects.filter(pk__in=old).values_list("held_usd", flat=True)) == {1}


@pytest.mark.django_db(transaction=True)
def test_what_is_remembered_costs_no_query(alice: User) -> None:
    ids = find(alice)

    with CaptureQueriesContext(connection) as queries:
        again = find(alice)

    assert (again, len(queries)) == (ids, 0)


def test_a_hold_is_all_or_nothing(alice: User) -> None:
    limit(alice, "10")
    limit(alice, "1", "email-classify")
    ids = find(alice)

    with transaction.atomic():
        books = Books(ids)
        refusal = books.hold(ids, 2 * USD)
        books.save()

    assert "the monthly budget “Classify e-mails”: $0.00 of $1.00 spent" in refusal
    assert balance(alice) == balance(alice, "email-classify") == (ZERO, ZERO)


def test_exactly_the_limit_may_be_held_and_not_a_nano_dollar_more(alice: User) -> None:
    limit(alice, "1")
    ids = find(alice)

    with transaction.atomic():
        books = Books(ids)
        assert books.hold(ids, USD) == ""
        assert books.hold(ids, 1) != ""
        books.save()

    assert balance(alice) == (ZERO, Decimal(1))


def test_settling_moves_what_was_held_to_what_is_spent(alice: User) -> None:
    ids = find(alice)
    with transaction.atomic():
        books = Books(ids)
        books.hold(ids, USD)
        books.save()

    with transaction.atomic():
        books = Books(ids)
        books.settle(ids, held=USD, booked=USD // 4)
        books.save()

    assert balance(alice) == balance(alice, "email-classify") == (Decimal("0.25"), ZERO)


def test_a_limit_set_in_the_middle_of_a_month_knows_what_was_spent(alice: User) -> None:
    ids = find(alice)
    with transaction.atomic():
        books = Books(ids)
        books.settle(ids, held=0, booked=3 * USD)
        books.save()

    limit(alice, "2", "email-classify")

    with transaction.atomic():
        assert "$3.00 of $2.00 spent" in Books(ids).hold(ids, 1)


def test_no_limit_means_no_refusal(alice: User) -> None:
    ids = find(alice)

    with transaction.atomic():
        assert Books(ids).hold(ids, 1_000_000 * USD) == ""


def test_budgets_of_others_are_not_touched(alice: User, bob: User) -> None:
    limit(alice, "0")
    ids = find(bob)

    with transaction.atomic():
        assert Books(ids).hold(ids, USD) == ""


def test_the_database_refuses_a_negative_balance(alice: User) -> None:
    ids = find(alice)
    books = Books(ids)
    books.settle(ids, held=1, booked=0)

    with pytest.raises(IntegrityError), transaction.atomic():
        books.save()


def test_a_period_that_is_gone_is_said_and_found_anew(alice: User) -> None:
    ids = find(alice)
    BudgetPeriod.objects.all().delete()

    with pytest.raises(gate.PeriodGone), transaction.atomic():
        Books(ids)

    assert find(alice) != ids


def test_periods_made_in_a_transaction_that_rolls_back_are_not_remembered(alice: User) -> None:
    with transaction.atomic():
        find(alice)
        transaction.set_rollback(True)

    assert not gate._known
    assert find(alice)


def test_a_total_has_one_row_an_owner(alice: User) -> None:
    find(alice)

    with pytest.raises(IntegrityError), transaction.atomic():
        Budget.objects.create(owner=alice, scope=Budget.Scope.TOTAL)


def test_budgets_tell_their_reset_in_the_owners_zone() -> None:
    owner = make_user("berlin", zone="Europe/Berlin")

    report = services.budgets_of(owner)[0]

    assert report.scope == "total"
    assert (report.resets_at.day, report.resets_at.hour) == (1, 0)
    assert str(report.resets_at.tzinfo) == "Europe/Berlin"


@pytest.mark.parametrize(
    ("period", "zone", "utc"),
    [
        ("2026-03", "Europe/Berlin", "2026-03-31T22:00:00+00:00"),  # summer time began on the 29th
        ("2026-10", "Europe/Berlin", "2026-10-31T23:00:00+00:00"),
        ("2026-12", "UTC", "2027-01-01T00:00:00+00:00"),
        ("2026-03", "America/New_York", "2026-04-01T04:00:00+00:00"),
    ],
)
def test_a_month_ends_at_local_midnight_over_clock_changes(
    period: str, zone: str, utc: str
) -> None:
    assert services.end_of_month(period, zone).astimezone(UTC).isoformat() == utc


def test_nano_dollars_are_exact() -> None:
    assert to_nanos(Decimal("0.1")) + to_nanos(Decimal("0.2")) == to_nanos(Decimal("0.3"))
    assert from_nanos(75) == Decimal("0.000000075")
