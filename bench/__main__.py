"""Measure the figures of the design on this machine: `make bench`, or `make bench FIGURE=name`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

from bench import (
    firing,
    idle,
    live,
    pages,
    preferring,
    starting,
    throughput,
    waiting,
    webhooks,
)
from bench.house import House, open_house

# What is measured together, on the one house.
GROUPS: dict[tuple[str, ...], Callable[[House], None]] = {
    ("runs_per_s", "engine_cpu_ms_per_run"): throughput.measure,
    ("fire_lag_1000_p99_s",): firing.measure_1000,
    ("fire_written_10000_max_s", "fire_lag_10000_p99_s"): firing.measure_10000,
    ("wait_500_s", "wait_5000_s"): waiting.measure,
    ("worker_uss_mb", "worker_uss_with_sdk_mb"): waiting.measure_memory,
    ("idle_core_percent", "web_rss_mb"): idle.measure,
    ("live_p99_s", "live_web_core_percent", "live_connections"): live.measure,
    (webhooks.FIGURE,): webhooks.measure,
    ("preference_lookup_ms", "preference_save_statements"): preferring.measure,
}
# What has a house of its own.
APART: dict[tuple[str, ...], Callable[[], None]] = {
    ("first_start_s", "start_s"): starting.measure,
    (pages.FIGURE, pages.WEB_FIGURE): pages.measure,
}


def main(wanted: list[str]) -> int:
    names = {name for group in (*GROUPS, *APART) for name in group}
    unknown = [name for name in wanted if name not in names]
    if unknown:
        print(f"No figure “{unknown[0]}”; there are {', '.join(sorted(names))}.", file=sys.stderr)
        return 2
    chosen = set(wanted) or names
    complete = True
    for group, measure in APART.items():
        if chosen.intersection(group):
            complete &= _go_on(group, measure)
    groups = [group for group in GROUPS if chosen.intersection(group)]
    if groups:
        with open_house() as house:
            for group in groups:
                complete &= _go_on(group, partial(GROUPS[group], house))
    return int(not complete)


def _go_on(figures: tuple[str, ...], measure: Callable[[], None]) -> bool:
    """Measure; say so where it breaks, and go on with the next figures."""
    try:
        measure()
    except (RuntimeError, OSError) as error:  # a TimeoutError is an OSError
        print(f"No {' and '.join(figures)}: {error}", file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main([each for each in sys.argv[1:] if each]))
