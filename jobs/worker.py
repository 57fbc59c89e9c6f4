"""What runs inside each of the worker's processes besides its jobs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from multiprocessing.util import Finalize
from typing import Any

from core.lifeline import lifeline

logger = logging.getLogger(__name__)

Stop = Callable[[float], None]

CALLS_END_WITHIN = 25.0  # seconds for what is in flight; containers give a process 40

_on_start: list[Callable[[], Stop | None]] = []
stopping = threading.Event()


def on_worker_start(start: Callable[[], Stop | None]) -> None:
    """Have `start()` called once in each worker process, after the fork; it must return quickly.

    It may return `stop(seconds)`, which is called once, perhaps from another thread, when the
    worker is told to stop or its process ends, and may take that many seconds.
    """
    _on_start.append(start)


def start_in_worker(**_: Any) -> None:
    """Start what is registered; a callable that fails is logged, and the worker goes on."""
    stops = []
    for start in _on_start:
        try:
            stop = start()
        except Exception:
            logger.exception("%s did not start in this worker process", start)
        else:
            if stop:
                stops.append(stop)
    farewell = _Farewell(stops)
    Finalize(None, farewell, exitpriority=10)
    lifeline.when_cut(farewell)


class _Farewell:
    """Calls every `stop` once, and makes later callers wait until the first is done."""

    def __init__(self, stops: list[Stop]) -> None:
        self._stops = stops
        self._lock = threading.Lock()

    def __call__(self) -> None:
        stopping.set()
        deadline = time.monotonic() + CALLS_END_WITHIN
        with self._lock:
            while self._stops:
                stop = self._stops.pop()
                try:
                    stop(max(0.0, deadline - time.monotonic()))
                except Exception:
                    logger.exception("%s did not stop cleanly", stop)
