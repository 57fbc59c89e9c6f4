"""Dots in place of secrets, for everything that is written down: logs, errors, audit rows."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any

from core.secrets.secret import DOTS, Secret

SHORTEST_KNOWN = 8  # shorter values would turn ordinary words into dots

# What a name says about its value: `api_key`, `webhook_secret`, `Authorization` and their like.
# A reference says where a secret lies, a count of tokens what a run used; neither is one.
_SECRET_NAME = re.compile(
    r"(?ix) (?: passw(?:or)?d | passphrase | passwd | secret | credential | authorization | cookie"
    r" | api[_-]?key | access[_-]?key | private[_-]?key | signing[_-]?key"
    r" | (?:^|[_-])key$ | (?:^|[_-])token$ )"
)
_HARMLESS_NAME = re.compile(r"(?i)(?:_ref|_refs|_count|_fingerprint|_id|_name|_at)$")

_PATTERNS = [
    # scheme://user:password@host
    (
        re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]+(?:/[^\s/@]+)*(@)"),
        rf"\1{DOTS}\2",
    ),
    (
        re.compile(
            r"-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?-----END \1PRIVATE KEY-----", re.DOTALL
        ),
        DOTS,
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+(?=[\w.~+/=-]{8})[\w.~+/=-]+"), rf"\1 {DOTS}"),
    # keys that vendors mark by a prefix
    (re.compile(r"\b(sk|pk|rk)-[A-Za-z0-9_-]{8,}"), rf"\1-{DOTS}"),
    (re.compile(r"\bAIza[A-Za-z0-9_-]{10,}"), f"AIza{DOTS}"),
    (
        re.compile(
            r"\b(ghp|gho|ghs|ghu|github_pat|glpat|xox[abprs]|hf|whsec)([_-])[A-Za-z0-9+/=_-]{10,}"
        ),
        rf"\1\2{DOTS}",
    ),
    (re.compile(r"\bAKIA[A-Z0-9]{12,}"), f"AKIA{DOTS}"),
    (re.compile(r"\bgAAAAA[A-Za-z0-9_=-]{20,}"), DOTS),  # our own store's tokens
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), DOTS),
    # name=value, name: value, "name": "value"
    (
        re.compile(
            r"""(?ix) ( ["']? \b[\w-]*? (?: passw(?:or)?d | passphrase | passwd | secret
                | api[_-]?key | access[_-]?key | private[_-]?key | auth[_-]?token
                | access[_-]?token | credential ) s? ["']? \s* (?:=|:) \s* )"""
            r"""(?: "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | [^\s"'&,;}\)\]]+ )"""
        ),
        rf"\1{DOTS}",
    ),
    (re.compile(r"(?i)([?&](?:key|token|sig|signature)=)[^\s&#\"']+"), rf"\1{DOTS}"),
]

_known: set[str] = set()
_known_pattern: re.Pattern[str] | None = None
_lock = threading.Lock()


def remember(value: str) -> None:
    """Mask `value` wherever this process writes it from now on."""
    global _known_pattern  # noqa: PLW0603 - one pattern for the process, rebuilt when it learns
    value = value.strip()
    if len(value) < SHORTEST_KNOWN or value in _known:
        return
    with _lock:
        _known.add(value)
        longest_first = sorted(_known, key=len, reverse=True)
        _known_pattern = re.compile("|".join(map(re.escape, longest_first)))


def mask(text: str) -> str:
    """Return `text` with dots for every secret this process knows or can tell by its form."""
    if _known_pattern is not None:
        text = _known_pattern.sub(DOTS, text)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def is_secret_name(name: str) -> bool:
    return bool(_SECRET_NAME.search(name)) and not _HARMLESS_NAME.search(name)


def mask_values(value: Any) -> Any:
    """Return a copy of `value` without secrets: by their names in mappings, by form in texts."""
    if isinstance(value, Mapping):
        return {
            str(name): DOTS if inner and is_secret_name(str(name)) else mask_values(inner)
            for name, inner in value.items()
        }
    if isinstance(value, Secret):
        return DOTS
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, (list, tuple)):
        return [mask_values(inner) for inner in value]
    if isinstance(value, (set, frozenset)):
        return [mask_values(inner) for inner in sorted(value, key=str)]
    return value
