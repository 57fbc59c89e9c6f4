"""`make run` on a fresh clone, and again: until /readyz answers."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from bench import support
from bench.figures import tell
from bench.idle import answers

LATER_STARTS = 3
FIRST_WITHIN_S = 400.0


def measure() -> None:
    with tempfile.TemporaryDirectory(prefix="helix-bench-clone-") as folder:
        clone = Path(folder) / "helix"
        subprocess.run(  # noqa: S603  # our own command
            ["git", "clone", "--quiet", str(support.ROOT), str(clone)],  # noqa: S607
            check=True,
        )
        first = _start(clone)
        later = [_start(clone) for _ in range(LATER_STARTS)]
    tell("first_start_s", [first], "s", reach=180, note="fresh clone, pip's cache warm, SQLite")
    tell("start_s", later, "s", reach=10)


def _start(clone: Path) -> float:
    """Return the seconds from `make run` to a web process that is ready; stop it again."""
    port = support.free_port()
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    env |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    begun = time.monotonic()
    process = support.Process(["make", "run", f"PORT={port}"], env, cwd=clone)
    try:
        support.await_truth(
            lambda: answers(port), "/readyz", within_s=FIRST_WITHIN_S, every_s=0.1, process=process
        )
        return time.monotonic() - begun
    finally:
        os.killpg(process.popen.pid, signal.SIGINT)  # what Ctrl-C does
        process.popen.wait(60)
        process.stop()
