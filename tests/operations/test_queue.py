from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from core.ids import uuid7
from operations import services
from operations.engine import queue
from operations.models import Run
from operations.services import RunDraft
from tests.builders import make_user
from tests.operations.kit import TASK

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now()
WORKER = uuid7()


def put(owner: User, count: int = 1, *, lane: str = "", **given: Any) -> list[UUID]:
    drafts = [
        RunDraft(
            id=uuid7(),
            owner_id=owner.pk,
            operation="task-breakdown",
            parameters=TASK,
            origin="cron",
            **given,
        )
        for _ in range(count)
    ]
    services.submit_many(drafts, NOW)
    ids = [draft.id for draft in drafts]
    if lane:
        Run.objects.filter(pk__in=ids).update(lane=lane)
    return ids


def claim(slots: int, closed_lanes: tuple[str, ...] = ()) -> list[UUID]:
    with transaction.atomic():
        return [row[0] for row in queue.claim(WORKER, slots, NOW, closed_lanes)]


def by_owner(ids: list[UUID]) -> Counter[str]:
    return Counter(Run.objects.filter(pk__in=ids).values_list("owner__username", flat=True))


def test_a_claimed_run_is_the_workers_and_nobody_elses(alice: User) -> None:
    (run_id,) = put(alice)

    first, second = claim(5), claim(5)

    assert (first, second) == ([run_id], [])
    run = Run.objects.get()
    assert (run.status, run.worker_id, run.claims, run.started_at) == ("running", WORKER, 1, NOW)


def test_an_owner_with_much_waiting_leaves_half_to_another(alice: User, bob: User) -> None:
    put(alice, 50)
    put(bob, 5)

    assert by_owner(claim(10)) == {"alice": 5, "bob": 5}


def test_slots_that_an_owner_does_not_need_are_taken_by_the_next_claim(
    alice: User, bob: User
) -> None:
    put(alice, 50)
    put(bob, 1)

    first = by_owner(claim(10))

    assert first == {"alice": 5, "bob": 1}
    assert by_owner(claim(4)) == {"alice": 4}


def test_an_owners_oldest_runs_go_first(alice: User) -> None:
    ids = put(alice, 6)

    assert sorted(claim(4)) == sorted(ids[:4])


def test_a_higher_priority_goes_before_any_share(alice: User, bob: User) -> None:
    put(alice, 5, priority=5)
    urgent = put(bob, 3, priority=6)

    assert sorted(claim(5)) == sorted(urgent)
    assert by_owner(claim(5)) == {"alice": 5}


def test_of_more_owners_than_slots_each_has_its_turn() -> None:
    owners = [make_user(f"owner-{number}") for number in range(12)]
    for owner in owners:
        put(owner, 1)

    claimed = [by_owner(claim(5)) for _ in range(3)]

    assert [sum(turn.values()) for turn in claimed] == [5, 5, 2]
    assert not Run.objects.pending().exists()


def test_of_more_owners_than_one_claim_serves_none_is_left_out() -> None:
    for number in range(queue.MOST_OWNERS + 6):
        put(make_user(f"owner-{number}"), 2)

    first = by_owner(claim(200))
    turns = 1
    while Run.objects.pending().exists() and turns < 10:
        claim(200)
        turns += 1

    assert len(first) == queue.MOST_OWNERS
    assert turns <= 3


def test_what_waits_for_a_closed_provider_is_passed_over(alice: User, bob: User) -> None:
    put(alice, 3, lane="openai", priority=9)
    put(alice, 1, lane="anthropic", priority=9)
    free = put(bob, 2)

    first = claim(5, ("openai",))
    second = claim(5, ("openai",))

    assert list(Run.objects.filter(pk__in=first).values_list("lane", flat=True)) == [""]
    assert len(first) == 1
    assert sorted(second) == sorted(free)
    assert by_owner(claim(5)) == {"alice": 3}


def test_a_run_is_not_claimed_before_its_time(alice: User) -> None:
    early, late = put(alice, 2)
    Run.objects.filter(pk=late).update(available_at=NOW + timedelta(milliseconds=1))

    assert claim(5) == [early]
    assert not queue.has_ready(NOW)
    assert queue.has_ready(NOW + timedelta(milliseconds=1))


def test_later_runs_of_higher_priority_hold_nothing_up(alice: User, bob: User) -> None:
    put(alice, 3, priority=9)
    Run.objects.update(available_at=NOW + timedelta(hours=1))
    ready = put(bob, 1)

    assert claim(5) == ready


@pytest.mark.parametrize("status", ["waiting", "running", "success", "cancelled"])
def test_only_pending_runs_are_claimed(alice: User, status: str) -> None:
    (run_id,) = put(alice)
    Run.objects.update(status=status, finished_at=NOW)

    assert claim(5) == []
    with transaction.atomic():
        assert queue.claim_one(WORKER, run_id, NOW) == []
    assert not queue.has_ready(NOW)
