"""How collected static files are stored: joined, under hashed names, compressed once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import dirname, join, normpath
from typing import Any

import brotli
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

SMALL = 50_000  # bytes, as all of ours are; brotli at its best takes as much in 0.05 s
BEST, QUICK = 11, 5  # for Plotly the best takes 7 s instead of 0.1, and saves a seventh

JOINED = ("css/app.css",)  # one request, and a quarter less to send, instead of one for each part
IMPORT = re.compile(r'@import "([^"]+)"(?: layer\(([\w-]+)\))?;')


class QuickCompressor(Compressor):  # type: ignore[misc]  # it comes without types
    """Takes its time for small files alone: a large one must not delay the first start."""

    @staticmethod
    def compress_brotli(data: bytes) -> bytes:
        quality = BEST if len(data) <= SMALL else QUICK
        return bytes(brotli.compress(data, quality=quality))


class CollectedStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # likewise
    keep_only_hashed_files = True  # all addresses come from {% static %}; half the work

    def create_compressor(self, **kwargs: Any) -> Compressor:
        return QuickCompressor(**kwargs)

    def post_process(
        self,
        paths: dict[str, tuple[Storage, str]],
        dry_run: bool = False,  # noqa: FBT001, FBT002 - Django's
        **options: Any,
    ) -> Iterator[Any]:
        whole = {
            name: (Joined(storage), path) if name in JOINED else (storage, path)
            for name, (storage, path) in paths.items()
        }
        yield from super().post_process(whole, dry_run=dry_run, **options)


class Joined:
    """Opens a style sheet of `storage` with what it imports in its place."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def open(self, path: str) -> ContentFile[bytes]:
        return ContentFile(self._text(path).encode())

    def _text(self, path: str) -> str:
        with self._storage.open(path) as file:
            text = file.read().decode()
        return IMPORT.sub(lambda found: self._part(path, *found.groups()), text)

    def _part(self, path: str, address: str, layer: str | None) -> str:
        text = self._text(normpath(join(dirname(path), address)))
        return f"@layer {layer} {{\n{text}}}\n" if layer else text
