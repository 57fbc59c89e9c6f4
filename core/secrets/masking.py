"""Dots in place of secrets, for everything that is written down: logs, errors, audit rows.

Two nets: the values this process holds as `Secret`, wherever they turn up, and forms that give a
secret away (a vendor's prefix, `password=…`), for those it has never held.
"""

from __future__ import annotations

import html
import json
import re
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

DOTS = "••••••"
SHORTEST_KNOWN = 8  # shorter values would turn ordinary words into dots
MOST_KNOWN = 2_000  # looking for that many in a line takes some 90 µs; the oldest go first

# What a name says about its value. A reference says where a secret lies, a fingerprint which one
# it is: neither is one.
_SECRET_NAME = re.compile(
    r"(?ix) passw(?:or)?d | passphrase | secret | credential | authorization | cookie"
    r" | (?: api | access | private | signing ) [_-]? key | (?:^|[_-]) token $"
)
_HARMLESS_NAME = re.compile(r"(?i)(?:_refs?|_count|_fingerprint|_id|_name|_at)$")

# Repetitions are bounded: a hostile line must not cost more than its length.
_PATTERNS = [
    # scheme://user:password@host
    (
        re.compile(r"(://[^\s:/@]{0,100}:)[^\s/]{1,200}@"),
        rf"\1{DOTS}@",
    ),
    (
        re.compile(
            r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[^-]{1,8000}(?:-----END[A-Z -]{1,30})?"
        ),
        DOTS,
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s{1,4}[\w.~+/=-]{8,4000}"), rf"\1 {DOTS}"),
    # what vendors put in front of their keys, so that nets like this one find them
    (re.compile(r"\b(sk|pk|rk)-[\w-]{8,400}"), rf"\1-{DOTS}"),
    (re.compile(r"AIza[\w-]{10,400}"), f"AIza{DOTS}"),
    (re.compile(r"AKIA[A-Z0-9]{12,100}"), f"AKIA{DOTS}"),
    (
        re.compile(r"\b(gh[opsu]_|github_pat_|glpat-|xox[abprs]-|hf_|whsec_)[\w+/=-]{10,400}"),
        rf"\1{DOTS}",
    ),
    (re.compile(r"eyJ[\w-]{8,4000}\.[\w-]{8,4000}\.[\w-]{0,4000}"), DOTS),  # JSON web tokens
    (re.compile(r"gAAAAA[\w=-]{20,4000}"), DOTS),  # tokens of our own store
    # name=value, name: value, "name": "value"
    (
        re.compile(
            r"""(?ix) ( (?: passw(?:or)?d | passphrase | secret | credential
            | (?: api | access | private ) [_-]? key | (?: auth | access ) [_-]? token )
            (?: ["'] | &quot; | &\#x27; )? \s{0,4} [=:] \s{0,4} )
            (?: &quot; .{1,4000}? &quot; | &\#x27; .{1,4000}? &\#x27; | "(?:[^"\\]|\\.){1,4000}"
            | '(?:[^'\\]|\\.){1,4000}' | [^\s"'&,;<>})\]]{1,4000} )"""
        ),
        rf"\1{DOTS}",
    ),
    (re.compile(r"(?i)([?&](?:key|token|sig|signature)=)[^\s&#\"'<>]{1,4000}"), rf"\1{DOTS}"),
]

_known: dict[str, None] = {}  # in the order of learning
_lock = threading.Lock()


def remember(value: str) -> None:
    """Mask `value` wherever this process writes it from now on, also escaped for HTML and JSON."""
    value = value.strip()
    if len(value) < SHORTEST_KNOWN or value in _known:
        return
    spoken = {value, repr(value)[1:-1], json.dumps(value)[1:-1], quote(value, safe="")}
    with _lock:
        for form in [*spoken, *map(html.escape, spoken)]:
            _known[form] = None
        while len(_known) > MOST_KNOWN:
            del _known[next(iter(_known))]


def mask(text: str) -> str:
    """Return `text` with dots for every secret this process knows or can tell by its form."""
    with _lock:
        found = [value for value in _known if value in text]
    for value in sorted(found, key=len, reverse=True):
        text = text.replace(value, DOTS)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def is_secret_name(name: str) -> bool:
    return bool(_SECRET_NAME.search(name)) and not _HARMLESS_NAME.search(name)


def mask_values(value: Any) -> Any:
    """Return a copy of `value` without secrets: by their names in mappings, by form in texts."""
    if isinstance(value, Mapping):
        return {
            mask(str(name)): DOTS if _gives_away(str(name), inner) else mask_values(inner)
            for name, inner in value.items()
        }
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, (list, tuple)):
        return [mask_values(inner) for inner in value]
    if isinstance(value, (set, frozenset)):
        return [mask_values(inner) for inner in sorted(value, key=str)]
    return value


def _gives_away(name: str, value: Any) -> bool:
    return is_secret_name(name) and bool(value) and not isinstance(value, bool)
