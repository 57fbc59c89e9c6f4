"""Files that only the user Helix runs as may read: the database among them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_database_file(name: object) -> None:
    """Make an empty SQLite file with mode 0600, unless there is one.

    SQLite would make it as the umask says, and its journals with the same mode as the file. Where
    the folder is not there or not ours to write in, the first connection says so better.
    """
    path = Path(str(name))
    if str(name).startswith((":memory:", "file:")) or path.exists():
        return
    if path.parent.is_dir() and os.access(path.parent, os.W_OK | os.X_OK):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def is_open_to_others(path: Path) -> bool:
    return path.exists() and bool(path.stat().st_mode & OTHERS)
