"""Ties the processes of a worker together, so that it dies as a whole and leaves no orphan."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

PR_SET_PDEATHSIG = 1


class Lifeline:
    """Kills each child with its parent, and tells the descendants when the main process stops.

    The main process alone holds the writing end of a pipe; closing it says “stop” to all who
    listen with `when_cut`, and the kernel closes it when the main process is gone.

    Children form a process group of their own: a signal to the whole job (Ctrl-C, a process
    manager) reaches the main process only, which then stops the others in order.
    """

    def __init__(self) -> None:
        self._reader: int | None = None
        self._writer: int | None = None
        self._main = self._parent = 0
        self._prctl: Any = None

    def open(self) -> None:
        """Take all processes forked from now on; for the main process of a worker only."""
        self._reader, self._writer = os.pipe()
        self._main = os.getpid()
        if sys.platform == "linux":
            self._prctl = ctypes.CDLL(None).prctl
        os.register_at_fork(before=self._before_fork, after_in_child=self._in_child)

    def cut(self) -> None:
        if self._writer is not None:
            os.close(self._writer)
            self._writer = None

    def when_cut(self, call: Callable[[], None]) -> None:
        """Have `call()` called in a thread once the line is cut; nothing where there is no line."""
        if self._reader is not None:
            threading.Thread(target=self._wait, args=(self._reader, call), daemon=True).start()

    def _wait(self, reader: int, call: Callable[[], None]) -> None:
        os.read(reader, 1)  # nothing is ever written: it returns at the end
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


lifeline = Lifeline()
