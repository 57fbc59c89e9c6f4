from __future__ import annotations

from collections.abc import Hashable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from audit import services as audit
from core.ids import uuid7
from operations import rollups
from operations.live import NEWEST, watch_ledger
from operations.models import Attempt, Run

pytestmark = pytest.mark.django_db


def mark(user: User) -> Hashable:
    return watch_ledger([user.pk])[user.pk]


def make_run(owner: User, status: Run.Status = Run.Status.PENDING) -> Run:
    return Run.objects.create(
        owner=owner, operation="task-breakdown", origin=Run.Origin.COMMAND, status=status
    )


def test_a_new_run_moves_its_owners_mark_and_nobody_elses(alice: User, bob: User) -> None:
    before = watch_ledger([alice.pk, bob.pk])

    make_run(alice)

    after = watch_ledger([alice.pk, bob.pk])
    assert after[alice.pk] != before[alice.pk]
    assert after[bob.pk] == before[bob.pk]


def test_a_run_that_is_committed_after_a_newer_one_moves_the_mark(alice: User) -> None:
    late = uuid7()
    for _ in range(NEWEST + 1):
        make_run(alice)
    before = mark(alice)
    run = make_run(alice)
    run_id = run.pk
    assert mark(alice) != before
    Run.objects.filter(pk=run_id).delete()
    assert mark(alice) == before

    newest = list(Run.objects.order_by("-id").values_list("pk", flat=True)[: NEWEST - 1])
    Run.objects.filter(pk__in=newest).delete()
    before = mark(alice)
    Run.objects.create(id=late, owner=alice, operation="x", origin=Run.Origin.COMMAND)

    assert mark(alice) != before


def test_a_claim_another_attempt_and_its_end_move_the_mark(alice: User) -> None:
    now = timezone.now()
    run = make_run(alice)
    marks = [mark(alice)]
    Run.objects.filter(pk=run.pk).update(status=Run.Status.RUNNING, started_at=now, claims=1)
    marks.append(mark(alice))
    attempt = Attempt.objects.create(run=run, number=1, provider="local", model="r", started_at=now)
    marks.append(mark(alice))
    attempt.finished_at = now
    attempt.save()
    marks.append(mark(alice))
    Run.objects.filter(pk=run.pk).update(claims=2, started_at=now + timedelta(seconds=1))
    marks.append(mark(alice))

    assert len(set(marks)) == len(marks)


def test_a_settlement_and_a_cost_known_later_move_the_mark(alice: User) -> None:
    now = timezone.now()
    where: Any = {"at": now, "operation": "x", "provider": "p", "model": "m", "origin": "command"}
    marks = [mark(alice)]
    rollups.book([rollups.Tally(alice.pk, **where, runs=1, unknown_cost=1)])
    marks.append(mark(alice))
    rollups.book([rollups.Tally(alice.pk, **where, unknown_cost=-1, cost_usd=Decimal(1))])
    marks.append(mark(alice))

    assert len(set(marks)) == len(marks)


def test_what_is_recorded_in_the_audit_log_moves_the_mark(alice: User, bob: User) -> None:
    before = watch_ledger([alice.pk, bob.pk])

    audit.record("budget.changed", target=alice, by=alice)
    audit.record("budget.changed", target=alice, by=alice)

    after = watch_ledger([alice.pk, bob.pk])
    assert after[alice.pk] != before[alice.pk]
    assert after[bob.pk] == before[bob.pk]
