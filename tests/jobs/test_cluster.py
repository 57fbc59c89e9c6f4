"""The worker as it is started for real: its own processes, killed one by one."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.processes import WAIT, manage, start, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.own_database]

PROBE = "tests.jobs.probe.settings"


class Worker:
    """A running `manage.py worker` on an SQLite database of its own, and its processes."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.main = start(var, "worker", settings=PROBE)
        self.born: set[psutil.Process] = {self.main}
        wait_for(lambda: self.marks("started") and len(self.processes()) == 5, "a whole worker")
        self.sentinel = self.main.children()[0]

    def enqueue(self, *calls: str) -> None:
        lines = ["from jobs.queue import enqueue", *(f"enqueue({call})" for call in calls)]
        manage(self.var, "shell", "-v0", "-c", "\n".join(lines), settings=PROBE)

    def marks(self, word: str) -> list[int]:
        """Return the ids of the processes that wrote `word`, in the order of writing."""
        log = self.var / "probe.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [int(line.split()[1]) for line in lines if line.startswith(word + " ")]

    def processes(self) -> set[psutil.Process]:
        now = {self.main, *self.main.children(recursive=True)}
        self.born |= now
        return now

    def auxiliary(self, role: str) -> psutil.Process:
        workers = set(self.marks("started"))
        others = [child for child in self.sentinel.children() if child.pid not in workers]
        monitor, pusher = sorted(others, key=lambda child: (child.create_time(), child.pid))
        return {"monitor": monitor, "pusher": pusher}[role]

    def alive(self) -> list[psutil.Process]:
        return [
            process
            for process in self.born
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        ]


@pytest.fixture
def worker(migrated: Path, tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(shutil.copytree(migrated, tmp_path / "var"))
    yield worker
    for process in worker.alive():
        process.kill()
    worker.main.wait()


def test_killing_the_main_process_leaves_no_orphan(worker: Worker) -> None:
    worker.main.kill()

    wait_for(lambda: not worker.alive(), "all processes gone")


def test_killing_the_sentinel_ends_the_worker_with_an_error(worker: Worker) -> None:
    worker.sentinel.kill()

    assert worker.main.wait(WAIT) == 1
    wait_for(lambda: not worker.alive(), "all processes gone")


def test_a_killed_worker_process_is_replaced_and_jobs_go_on(worker: Worker) -> None:
    psutil.Process(worker.marks("started")[0]).kill()

    wait_for(lambda: len(worker.marks("started")) == 2, "a new worker process with its loops")
    worker.enqueue("'probe.sleep', seconds=0")
    wait_for(lambda: worker.marks("woke"), "a job done by the new process")


@pytest.mark.parametrize("role", ["pusher", "monitor"])
def test_a_killed_helper_process_is_replaced_and_jobs_go_on(worker: Worker, role: str) -> None:
    killed = worker.auxiliary(role)
    killed.kill()

    wait_for(lambda: len(worker.processes()) == 5, "the replacement")
    worker.enqueue(*["'probe.sleep', seconds=0"] * 3)
    wait_for(lambda: len(worker.marks("woke")) == 3, "jobs done")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_whole_group_lets_the_running_job_end(
    worker: Worker, signum: signal.Signals
) -> None:
    worker.enqueue("'probe.sleep', seconds=3")
    wait_for(lambda: worker.marks("sleeping"), "the job has begun")

    os.killpg(worker.main.pid, signum)

    assert worker.main.wait(WAIT) == 0
    assert worker.marks("woke")
    assert len(worker.marks("stopped")) == 1
    assert not worker.alive()


def test_loops_are_told_to_stop_while_a_job_still_runs(worker: Worker) -> None:
    worker.enqueue("'probe.sleep', seconds=3")
    wait_for(lambda: worker.marks("sleeping"), "the job has begun")

    worker.main.terminate()

    wait_for(lambda: worker.marks("stopped"), "the loop is told")
    assert not worker.marks("woke")
    assert worker.main.wait(WAIT) == 0


def test_a_job_that_waits_behind_another_survives_the_stop(worker: Worker) -> None:
    worker.enqueue("'probe.sleep', seconds=2", "'probe.sleep', seconds=0")
    wait_for(lambda: worker.marks("sleeping"), "the first has begun")

    worker.main.terminate()
    worker.main.wait(WAIT)

    newest = manage(worker.var, "jobs", "list", "--json")
    assert len(worker.marks("sleeping")) == 1
    assert '"state": "queued"' in newest
