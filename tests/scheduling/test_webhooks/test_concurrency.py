"""Many at once: what a sender that repeats itself, or many senders, make of one schedule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from core.secrets import Secret
from operations.models import Run
from scheduling import services
from scheduling.models import Execution, WebhookEvent
from tests.builders import make_user
from tests.scheduling.test_webhooks.kit import deliver, make_webhook, signed, told

AT_ONCE = 8

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Make all `calls` at the same moment, each in a thread with a connection of its own."""
    barrier = Barrier(len(calls))

    def one(call: Callable[[], Any]) -> Any:
        try:
            barrier.wait()
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def test_of_one_delivery_sent_many_times_at_once_one_starts_a_run() -> None:
    schedule = make_webhook(make_user("carol"))
    headers = signed(schedule)

    answers = at_once([lambda: deliver(schedule, headers=headers)] * AT_ONCE)

    assert sorted(each.status_code for each in answers) == [200] * (AT_ONCE - 1) + [202]
    assert len({each.json()["execution_id"] for each in answers}) == 1
    assert Run.objects.count() == Execution.objects.count() == 1
    assert WebhookEvent.objects.filter(verdict="accepted").count() == 1


def test_of_one_id_with_many_bodies_at_once_one_is_taken() -> None:
    schedule = make_webhook(make_user("carol"))
    bodies = [told(n=number) for number in range(AT_ONCE)]
    calls = [
        partial(deliver, schedule, body, signed(schedule, body, message_id="msg_1"))
        for body in bodies
    ]

    answers = at_once(calls)

    assert sorted(each.status_code for each in answers) == [202] + [409] * (AT_ONCE - 1)
    assert Execution.objects.count() == 1


def test_each_202_has_one_execution_and_runs_do_not_overlap() -> None:
    schedule = make_webhook(make_user("carol"))
    calls = [partial(deliver, schedule, told(n=number)) for number in range(3 * AT_ONCE)]

    answers = [
        each
        for start in range(0, 3 * AT_ONCE, AT_ONCE)
        for each in at_once(calls[start : start + AT_ONCE])
    ]

    assert {each.status_code for each in answers} == {202}
    accepted = [each.json()["execution_id"] for each in answers]
    assert sorted(accepted) == sorted(map(str, Execution.objects.values_list("pk", flat=True)))
    assert len(set(accepted)) == 3 * AT_ONCE
    assert Run.objects.count() == 1
    assert [each.json()["status"] for each in answers].count("pending") == 1
    assert WebhookEvent.objects.values("execution").distinct().count() == 3 * AT_ONCE


def test_a_rotation_amid_deliveries_refuses_none_of_them() -> None:
    schedule = make_webhook(make_user("carol"), "hex")
    old: Secret | None = schedule.new_secret
    assert old is not None

    turn = partial(services.rotate_webhook_secret, schedule, by=None)
    bodies = [told(n=number) for number in range(2 * AT_ONCE)]
    calls = [
        partial(deliver, schedule, body, signed(schedule, body, secret=old)) for body in bodies
    ]
    answers = at_once([*calls[:AT_ONCE], turn, *calls[AT_ONCE:]])

    assert {each.status_code for each in answers if hasattr(each, "status_code")} == {202}
