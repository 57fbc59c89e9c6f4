"""How collected static files are stored: hashed names, compressed once, quickly."""

from __future__ import annotations

from typing import Any

import brotli
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

BROTLI_QUALITY = 5  # of 11, which saves a seventh of Plotly and takes 7 s for it instead of 0.1


class QuickCompressor(Compressor):
    @staticmethod
    def compress_brotli(data: bytes) -> bytes:
        return brotli.compress(data, quality=BROTLI_QUALITY)


class CollectedStorage(CompressedManifestStaticFilesStorage):
    """WhiteNoise's storage with a compressor that does not delay the first start."""

    def create_compressor(self, **kwargs: Any) -> Compressor:
        return QuickCompressor(**kwargs)
