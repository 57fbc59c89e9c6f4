"""Ties processes together, so that what was started together ends together and leaves no orphan."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any

PARENT = "HELIX_PARENT_PID"  # set for a process that is to end with the one that started it
_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Have this process told to stop (SIGTERM) when the one named in `PARENT` is gone."""
    parent = os.environ.pop(PARENT, "")
    if parent:
        _tie_to(int(parent), signal.SIGTERM)


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

    def open(self) -> None:
        """Take all processes forked from now on; for the main process of a worker only."""
        self._reader, self._writer = os.pipe()
        self._main = os.getpid()
        _prctl()  # loaded before the first fork
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
        _tie_to(self._parent, signal.SIGKILL)


def _tie_to(parent: int, signum: signal.Signals) -> None:
    """Send `signum` to this process when `parent`, which started it, is gone."""
    prctl = _prctl()
    if prctl is None:
        threading.Thread(target=_watch, args=(parent, signum), daemon=True).start()
        return
    prctl(_PR_SET_PDEATHSIG, signum)
    if os.getppid() != parent:  # it was gone before we asked
        os.kill(os.getpid(), signum)


def _watch(parent: int, signum: signal.Signals) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signum)


@cache
def _prctl() -> Any:
    return ctypes.CDLL(None).prctl if sys.platform == "linux" else None


lifeline = Lifeline()
