"""Secrets are references in rows and `Secret` in memory; `docs/security.md` tells the whole."""

from __future__ import annotations

from core.secrets.masking import DOTS, mask
from core.secrets.references import BadReference, Reference, SecretUnavailable, get, parse
from core.secrets.secret import Secret, fingerprint

__all__ = [
    "DOTS",
    "BadReference",
    "Reference",
    "Secret",
    "SecretUnavailable",
    "fingerprint",
    "get",
    "mask",
    "parse",
]
