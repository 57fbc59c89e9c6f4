"""From the expected moment to the claim, for schedules that are due at one instant."""

from __future__ import annotations

from typing import Any

import psycopg

from bench import house, support
from bench.figures import ask, percentile, tell
from bench.house import House
from bench.peers import celery_peer, django_q_peer

SAMPLES = 3


def measure_1000(at: House) -> None:
    _, lags, started = _measure(at, 1_000, slots=100)
    tell(
        "fire_lag_1000_p99_s",
        lags,
        "s",
        reach=0.5,
        peers=[ask(django_q_peer.fire_lag, 1_000), ask(celery_peer.fire_lag, 1_000)],
        note=f"all were seen to have left the queue after {max(started):.2f} s at most",
    )


def measure_10000(at: House) -> None:
    written, lags, started = _measure(at, 10_000, slots=200)
    tell("fire_written_10000_max_s", written, "s", reach=1.5)
    tell(
        "fire_lag_10000_p99_s",
        lags,
        "s",
        reach=4,
        note=f"all were seen to have left the queue after {max(started):.2f} s at most",
    )


def _measure(at: House, count: int, slots: int) -> tuple[list[float], list[float], list[float]]:
    """Return, for each sample: all fires written; p99 of the claims; none pending any more."""
    written: list[float] = []
    lags: list[float] = []
    started: list[float] = []
    with (
        at.renew() as watch,
        support.worker(at.environment(HELIX_CONCURRENCY=str(slots))) as process,
    ):
        support.await_engines(watch, 2, process)
        house.warm_up(watch, process)
        for _ in range(SAMPLES):
            settled = house.settled(watch)
            due = house.schedule(watch, count, due_in_s=2 + count / 2_000)
            written.append(_await(watch, due, _WRITTEN, [due], process))
            started.append(_await(watch, due, _STARTED, [], process))
            house.await_settled(watch, settled + count, process)
            rows = watch.execute(_LAGS, [due]).fetchall()
            lags.append(percentile([row[0] for row in rows], 0.99))
            if len(rows) != count:
                raise RuntimeError(f"{count} schedules fired {len(rows)} times.")
        house.check(watch)
    return written, lags, started


# Cheap to ask again and again: each is a look into a partial index.
_WRITTEN = (
    "SELECT NOT EXISTS (SELECT 1 FROM operation_schedules"
    " WHERE enabled AND next_execution_at <= %s)"
)
_STARTED = "SELECT NOT EXISTS (SELECT 1 FROM operation_runs WHERE status = 'pending')"
_LAGS = (
    "SELECT extract(epoch FROM r.started_at - e.expected_at)::float FROM schedule_executions e"
    " JOIN operation_runs r ON r.id = e.run_id WHERE e.expected_at = %s"
)


def _await(
    watch: psycopg.Connection[Any],
    due: Any,
    query: str,
    values: list[Any],
    process: support.Process,
) -> float:
    """Return the seconds from `due` until all are seen from outside, looking each 50 ms."""

    def look() -> Any:
        row = watch.execute(query, values).fetchone()
        moment = house.database_now(watch)
        return row is not None and row[0] and moment > due and moment

    moment = support.await_truth(look, "all fires", within_s=120, every_s=0.05, process=process)
    return float((moment - due).total_seconds())
