"""Secrets are references in rows and `Secret` in memory; `docs/security.md` tells the whole."""

from __future__ import annotations

from core.secrets.masking import mask
from core.secrets.secret import DOTS, Secret

__all__ = ["DOTS", "Secret", "mask"]
