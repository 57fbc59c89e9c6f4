from __future__ import annotations

import time
from uuid import RFC_4122

from core.ids import uuid7


def test_ids_sort_by_the_moment_of_their_making() -> None:
    ids = []
    for _ in range(1_000):
        ids.append(uuid7())
        moment = time.time_ns()
        while time.time_ns() - moment < 1_000:  # the fraction counts in steps of 244 ns
            pass

    assert ids == sorted(ids)


def test_an_id_is_a_version_7_uuid_of_this_moment() -> None:
    made = uuid7()

    assert (made.version, made.variant) == (7, RFC_4122)
    assert abs((made.int >> 80) - time.time_ns() // 1_000_000) < 10_000


def test_no_two_ids_are_equal() -> None:
    assert len({uuid7() for _ in range(10_000)}) == 10_000
