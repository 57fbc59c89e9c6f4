"""Collecting static files only when they changed: it takes seconds, looking takes a blink."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage
from django.core.management import call_command

STAMP = ".collected-from"


def is_needed() -> bool:
    """Tell whether pages are served from the collected files, not from their source."""
    return isinstance(staticfiles_storage, ManifestFilesMixin) and not settings.DEBUG


def is_collected() -> bool:
    return Path(settings.STATIC_ROOT, ManifestFilesMixin.manifest_name).is_file()


def is_current() -> bool:
    stamp = Path(settings.STATIC_ROOT, STAMP)
    return is_collected() and stamp.is_file() and stamp.read_text() == _fingerprint()


def collect() -> bool:
    """Collect the files if they changed; tell whether they did."""
    if is_current():
        return False
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    Path(settings.STATIC_ROOT, STAMP).write_text(_fingerprint())
    return True


def _fingerprint() -> str:
    """Return a digest over name, size and date of every source file."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list(ignore_patterns=None):
            stat = Path(storage.path(name)).stat()
            digest.update(f"{name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()
