from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.processes import WAIT, wait_for

ROOT = Path(__file__).resolve().parents[2]
FAMILY = """
import os, sys, time
from core import lifeline
if sys.argv[1] == "watch":
    lifeline._prctl = lambda: None
lifeline.lifeline.open()
child = os.fork()
if child == 0:
    lifeline.lifeline.when_cut(lambda: print("cut", flush=True))
    time.sleep(60)
    os._exit(0)
print(child, flush=True)
sys.stdin.readline()
lifeline.lifeline.cut()
time.sleep(60)
"""


@pytest.fixture(params=["kernel", "watch"])
def family(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """Start a parent with a child, tied by the kernel or, as outside Linux, by looking."""
    with subprocess.Popen(  # noqa: S603  # our own script
        [sys.executable, "-c", FAMILY, request.param],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        yield parent
        parent.kill()


def test_a_child_dies_with_its_parent(family: subprocess.Popen[str]) -> None:
    assert family.stdout
    child = psutil.Process(int(family.stdout.readline()))

    family.kill()
    family.wait(WAIT)

    wait_for(lambda: not child.is_running(), "the child gone")


def test_a_child_is_told_when_the_line_is_cut(family: subprocess.Popen[str]) -> None:
    assert family.stdin
    assert family.stdout
    family.stdout.readline()

    print(file=family.stdin, flush=True)

    assert family.stdout.readline() == "cut\n"
