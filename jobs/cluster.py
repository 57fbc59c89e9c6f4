"""django-q2's stock cluster, run so that it dies as a whole.

    main ── sentinel ─┬─ worker (jobs; and the loops that `jobs.worker` starts)
                      ├─ worker
                      ├─ pusher
                      └─ monitor

The sentinel replaces the others when they die. Whoever loses its parent is killed: see
`core.lifeline`.
"""

from __future__ import annotations

import logging
import signal
import threading
from multiprocessing import connection
from queue import Empty
from types import FrameType
from typing import Any

from django.db import connections
from django_q import cluster as django_q_cluster
from django_q.queues import Queue

from core.lifeline import lifeline

logger = logging.getLogger(__name__)

ENDS_WITHIN = 30.0  # seconds, after which the sentinel is killed, and all others with it
LOOK_AROUND = 0.5  # seconds between two looks at the sentinel


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
    lifeline.open()
    try:
        cluster.start()
    except RuntimeError:  # the sentinel has said why
        return 1
    while cluster.sentinel.is_alive() and not is_told:
        cluster.sentinel.join(LOOK_AROUND)
    if not is_told:
        logger.critical("The worker's sentinel died; the worker ends, start it again.")
        return 1
    lifeline.cut()
    # In a thread: if the sentinel is killed while it waits for this event, set() hangs.
    threading.Thread(target=cluster.stop_event.set, daemon=True).start()
    cluster.sentinel.join(ENDS_WITHIN)
    if cluster.sentinel.is_alive():
        logger.error("Jobs still ran after %d s; they will be tried again.", ENDS_WITHIN)
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
