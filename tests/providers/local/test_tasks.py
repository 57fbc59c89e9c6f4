from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.local import tasks

NOW = "2026-11-23T09:00:00Z"


def rank(*given: dict[str, Any], now: str = NOW, zone: str = "UTC") -> list[dict[str, Any]]:
    answer = tasks.prioritize({"tasks": list(given), "now": now, "timezone": zone})
    ranked: list[dict[str, Any]] = answer["tasks"]
    return ranked


def order(ranked: list[dict[str, Any]]) -> list[Any]:
    return [task["id"] for task in ranked]


def by_id(ranked: list[dict[str, Any]], identifier: str) -> dict[str, Any]:
    return next(task for task in ranked if task["id"] == identifier)


def test_what_is_due_sooner_comes_first_at_equal_importance() -> None:
    ranked = rank(
        {"id": "later", "title": "Later", "due": "2026-12-10"},
        {"id": "never", "title": "Some day"},
        {"id": "soon", "title": "Soon", "due": "2026-11-24"},
        {"id": "late", "title": "Late", "due": "2026-11-20"},
    )

    assert order(ranked) == ["late", "soon", "later", "never"]
    assert [task["rank"] for task in ranked] == [1, 2, 3, 4]


def test_a_long_task_is_more_urgent_than_a_short_one_due_at_the_same_time() -> None:
    ranked = rank(
        {"id": "short", "title": "Short", "due": "2026-11-27", "effort_minutes": 60},
        {"id": "long", "title": "Long", "due": "2026-11-27", "effort_minutes": 2000},
    )

    assert order(ranked) == ["long", "short"]
    assert "no slack left" in by_id(ranked, "long")["reason"]


def test_importance_decides_where_nothing_is_due() -> None:
    ranked = rank(
        {"id": "minor", "title": "Minor", "importance": 1},
        {"id": "major", "title": "Major", "importance": 5},
    )

    assert order(ranked) == ["major", "minor"]


@pytest.mark.parametrize(
    ("importance", "due", "quadrant"),
    [
        (5, "2026-11-23T18:00:00Z", "do"),
        (5, "2027-02-01", "schedule"),
        (1, "2026-11-23T18:00:00Z", "delegate"),
        (1, None, "drop"),
    ],
)
def test_quadrants_follow_urgency_and_importance(
    importance: int, due: str | None, quadrant: str
) -> None:
    ranked = rank({"id": "a", "title": "A", "importance": importance, "due": due})

    assert ranked[0]["quadrant"] == quadrant


def test_a_blocker_inherits_the_urgency_and_importance_of_what_it_blocks() -> None:
    ranked = rank(
        {"id": "own", "title": "Own", "due": "2026-11-30", "importance": 4},
        {"id": "release", "title": "Release", "due": "2026-11-24", "importance": 5,
         "blocked_by": ["tests"]},
        {"id": "tests", "title": "Tests", "importance": 2},
    )  # fmt: skip

    assert order(ranked) == ["tests", "release", "own"]
    reason = by_id(ranked, "tests")["reason"]
    assert "“Release”, which waits for it" in reason
    assert "raised to 5" in reason


def test_urgency_travels_along_a_chain_of_blockers() -> None:
    ranked = rank(
        {"id": "c", "title": "C", "due": "2026-11-24", "importance": 5, "blocked_by": ["b"]},
        {"id": "b", "title": "B", "importance": 1, "blocked_by": ["a"]},
        {"id": "a", "title": "A", "importance": 1},
        {"id": "x", "title": "X", "due": "2026-11-28", "importance": 4},
    )

    assert order(ranked) == ["a", "b", "c", "x"]


def test_a_circle_is_named_and_does_not_stop_the_ranking() -> None:
    ranked = rank(
        {"id": "a", "title": "Chicken", "blocked_by": ["b"]},
        {"id": "b", "title": "Egg", "blocked_by": ["a"]},
        {"id": "c", "title": "Omelette", "due": "2026-11-24", "blocked_by": ["b"]},
    )

    assert "circle with “Egg”" in by_id(ranked, "a")["reason"]
    assert order(ranked).index("b") < order(ranked).index("c")


def test_a_task_that_blocks_itself_or_waits_for_an_unknown_one_says_so() -> None:
    ranked = rank({"id": "a", "title": "A", "blocked_by": ["a", "nowhere"]})

    assert "block itself" in ranked[0]["reason"]
    assert "“nowhere”, not in this list" in ranked[0]["reason"]


def test_a_date_alone_is_due_at_the_end_of_that_day_in_the_zone() -> None:
    task = {"id": "a", "title": "A", "due": "2026-11-23"}

    in_berlin = rank(task, now="2026-11-23T22:30:00Z", zone="Europe/Berlin")
    overdue = rank(task, now="2026-11-23T23:30:00Z", zone="Europe/Berlin")

    assert "Due today" in in_berlin[0]["reason"]
    assert "Overdue by 1 day" in overdue[0]["reason"]


@pytest.mark.parametrize(
    ("due", "told"),
    [
        ("2026-11-22", "Due today."),
        ("2026-11-23", "Due tomorrow."),
        ("2026-11-24", "Due in 2 days."),
        ("2026-11-21", "Overdue by 1 day."),
        ("2026-11-20T18:00", "Overdue by 2 days."),
        ("2026-11-22T08:00", "Due in 4 hours."),
        ("2026-11-22T03:00", "Overdue by 1 hour."),
        ("2026-11-23T09:00", "Due tomorrow."),  # 29 hours
        ("2026-11-23T23:50", "Due tomorrow."),  # 44 hours
        ("2026-11-24T00:10", "Due in 2 days."),
    ],
)
def test_what_is_due_is_told_by_the_calendar(due: str, told: str) -> None:
    ranked = rank(
        {"id": "a", "title": "A", "due": due, "effort_minutes": 30},
        now="2026-11-22T04:00:00+01:00",
        zone="Europe/Berlin",
    )

    assert ranked[0]["reason"].startswith(told)


@given(
    st.lists(
        st.tuples(
            st.integers(1, 5),
            st.one_of(st.none(), st.integers(1, 28)),
            st.integers(1, 3000),
            st.lists(st.integers(0, 11), max_size=4),
        ),
        max_size=12,
    )
)
def test_no_task_ever_ranks_above_its_blocker(
    drawn: list[tuple[int, int | None, int, list[int]]],
) -> None:
    given_tasks = [
        {
            "id": str(number),
            "title": f"Task {number}",
            "importance": importance,
            "due": f"2026-11-{day:02}" if day else None,
            "effort_minutes": effort,
            "blocked_by": [str(blocker) for blocker in blockers if blocker < number],
        }
        for number, (importance, day, effort, blockers) in enumerate(drawn)
    ]

    ranked = rank(*given_tasks)

    position = {task["id"]: task["rank"] for task in ranked}
    score = {task["id"]: task["score"] for task in ranked}
    assert sorted(position.values()) == list(range(1, len(drawn) + 1))
    for task in given_tasks:
        for blocker in task["blocked_by"]:  # type: ignore[union-attr]  # the dict's values vary
            assert position[blocker] < position[task["id"]]
            assert score[blocker] >= score[task["id"]]
    assert all(0 <= value <= 100 for value in score.values())


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, -1, 7])
def test_ten_thousand_chained_tasks_take_seconds(step: int) -> None:
    count = 10_000
    chained = [
        {"id": str(n), "title": "T", "due": "2026-12-01", "blocked_by": [str((n + step) % count)]}
        for n in range(count)
    ]
    started = time.perf_counter()

    ranked = rank(*chained)

    assert len(ranked) == count
    assert time.perf_counter() - started < 15  # quadratic would take minutes
