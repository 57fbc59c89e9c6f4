"""Files that pages use straight from installed packages; none is copied into the repository."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.contrib.staticfiles.utils import matches_patterns
from django.core.files.storage import FileSystemStorage

# Static name: package and file in it. What is not named here is never served.
SERVED = {"vendor/plotly.min.js": ("plotly", "package_data/plotly.min.js")}


class PackageStorage(FileSystemStorage):
    """Opens a file of `SERVED` by its static name, and nothing else."""

    def __init__(self) -> None:
        super().__init__(location="/nowhere", base_url=None)

    def path(self, name: str) -> str:
        found = file_of(name)
        if found is None:
            raise FileNotFoundError(f"No installed package has {name}.")
        return str(found)


class PackageFinder(BaseFinder):
    """Finds the few files of `SERVED`."""

    storage = PackageStorage()

    def check(self, **_: Any) -> list[Any]:
        return []

    def find(self, path: str, find_all: bool = False, **_: Any) -> Any:  # noqa: FBT001, FBT002 - Django's
        found = file_of(path)
        if found is None:
            return []
        return [str(found)] if find_all else str(found)

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, PackageStorage]]:
        for name in SERVED:
            if file_of(name) and not matches_patterns(name, [*(ignore_patterns or [])]):
                yield name, self.storage


def file_of(name: str) -> Path | None:
    """Return the file that is served as `name`; None where it is not to be, or not installed."""
    package, inside = SERVED.get(name, ("", ""))
    spec = find_spec(package) if package else None
    folders = (spec.submodule_search_locations or []) if spec else []
    files = [Path(folder, inside) for folder in folders]
    return next((file for file in files if file.is_file()), None)
