"""Keys that belong to this installation: made once, kept in files that only we can read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def read_or_create(path: Path, make: Callable[[], str]) -> str:
    """Return the text of `path`; where there is none, write `make()` to it with mode 0600 first.

    Several processes may start at once: the content is complete before the name exists, and the
    first name wins, so that all of them read the same key. An empty file raises `ValueError`: a
    key that is lost must not silently become another one.
    """
    if not path.exists():
        _create(path, make())
    text = path.read_text().strip()
    if not text:
        raise ValueError(
            f"{path} is empty. Restore it from a backup, or delete it to make a new one."
        )
    return text


def _create(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own: two containers on one volume have the same process ids. Mode is 0600.
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(f"{text}\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()
