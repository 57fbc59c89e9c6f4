"""Where providers' keys are. Rows name them; only an adapter about to call reads one."""

from __future__ import annotations

from core.secrets.masking import remember
from core.secrets.references import BadReference, SecretUnavailable, get
from core.secrets.secret import Secret
from core.secrets.secret import fingerprint as fingerprint_of


def is_present(key_ref: str) -> bool:
    """Say whether `key_ref` leads to a key that this process can read."""
    return find(key_ref) is not None


def find(key_ref: str) -> Secret | None:
    """Return the key that `key_ref` names, from now on masked wherever this process writes it."""
    if not key_ref:
        return None
    try:
        key = get(key_ref, None)
    except (BadReference, SecretUnavailable):
        return None
    remember(key.reveal())
    return key


def fingerprint(key_ref: str) -> str:
    """Return what changes when the key does and tells nothing of it; empty where there is none."""
    key = find(key_ref)
    return fingerprint_of(key) if key is not None else ""
