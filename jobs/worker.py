"""The worker: django-q2's stock cluster, dying as a whole, with our loops inside its processes.

    main ── sentinel ─┬─ worker (its jobs; and our loops, registered by `on_worker_start`)
                      ├─ worker
                      ├─ pusher
                      └─ monitor

Whoever loses its parent is killed by the kernel, so that no `kill -9` leaves an orphan. All but
the main process form a group of their own: a signal to the whole job (Ctrl-C, a process manager)
reaches the main process only, which then stops the others in order.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import connection
from multiprocessing.util import Finalize
from queue import Empty
from types import FrameType
from typing import Any

from django.db import connections
from django_q import cluster as django_q_cluster
from django_q.queues import Queue

logger = logging.getLogger(__name__)

Stop = Callable[[float], None]

CALLS_END_WITHIN = 25.0  # seconds for what is in flight; containers give a process 40
CLUSTER_ENDS_WITHIN = 30.0  # seconds, after which the sentinel is killed, and all others with it
LOOK_AROUND = 0.5  # seconds between two looks at the sentinel
PR_SET_PDEATHSIG = 1

_on_start: list[Callable[[], Stop | None]] = []
stopping = threading.Event()


def on_worker_start(start: Callable[[], Stop | None]) -> None:
    """Have `start()` called once in each worker process, after the fork; it must return quickly.

    It may return `stop(seconds)`, which is called once, from another thread, when the worker is
    told to stop or its process ends, and may take that many seconds.
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
    if _lifeline.reader is not None:
        threading.Thread(target=_lifeline.call_when_cut, args=(farewell,), daemon=True).start()


def run() -> int:
    """Run the cluster until a signal asks for the end; return the exit code of the process.

    0 after an orderly stop; 1 when the cluster broke, or had to be killed. Whoever started us
    starts us again.
    """
    is_told = False

    def tell(_signum: int, _frame: FrameType | None) -> None:
        nonlocal is_told
        is_told = True

    connections.close_all()  # a connection must not be shared with the processes to come
    django_q_cluster.Queue = IdleQueue
    cluster = django_q_cluster.Cluster()
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, tell)
    _lifeline.open()
    try:
        cluster.start()
    except RuntimeError:  # the sentinel has said why
        return 1
    while cluster.sentinel.is_alive() and not is_told:
        cluster.sentinel.join(LOOK_AROUND)
    if not is_told:
        logger.critical("The worker's sentinel died; the worker ends, start it again.")
        return 1
    _lifeline.cut()
    # Of its own thread: if the sentinel is killed while it waits for this event, set() hangs.
    threading.Thread(target=cluster.stop_event.set, daemon=True).start()
    cluster.sentinel.join(CLUSTER_ENDS_WITHIN)
    if cluster.sentinel.is_alive():
        logger.error("Jobs still ran after %s s; they will be tried again.", CLUSTER_ENDS_WITHIN)
        cluster.sentinel.kill()
        cluster.sentinel.join()
    return int(cluster.sentinel.exitcode != 0)


class IdleQueue(Queue):  # type: ignore[misc]  # django-q2 has no types
    """The cluster's queue between its processes, whose readers hold no lock while they wait.

    In the stock one an idle reader sleeps with the lock that all readers share; killing that
    process leaves the lock taken, and no job starts any more, silently.
    """

    HOLD = 0.05  # seconds; only a reader that lost a race waits with the lock, this long

    def get(self, *_args: Any, **_kwargs: Any) -> Any:
        while True:
            connection.wait([self._reader])
            try:
                return super().get(timeout=self.HOLD)
            except Empty:
                continue


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


class _Lifeline:
    """Ties each process of the worker to its parent, and tells worker processes when to stop.

    The main process alone holds the writing end of a pipe; it closes it to say “stop”, and the
    kernel closes it when the main process is gone.
    """

    reader: int | None = None
    _writer: int | None = None
    _main = _parent = 0
    _prctl: Any = None

    def open(self) -> None:
        self.reader, self._writer = os.pipe()
        self._main = os.getpid()
        if sys.platform == "linux":
            self._prctl = ctypes.CDLL(None).prctl
        os.register_at_fork(before=self._before_fork, after_in_child=self._in_child)

    def cut(self) -> None:
        if self._writer is not None:
            os.close(self._writer)
            self._writer = None

    def call_when_cut(self, call: Callable[[], None]) -> None:
        if self.reader is not None:
            os.read(self.reader, 1)
            call()

    def _before_fork(self) -> None:
        self._parent = os.getpid()

    def _in_child(self) -> None:
        self.cut()  # this process's copy of the writing end
        if self._parent == self._main:
            os.setpgid(0, 0)
        if self._prctl is None:
            threading.Thread(target=self._watch_parent, daemon=True).start()
            return
        self._prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != self._parent:  # it died before we asked
            os._exit(1)

    def _watch_parent(self) -> None:
        while os.getppid() == self._parent:
            time.sleep(1)
        os._exit(1)


_lifeline = _Lifeline()
