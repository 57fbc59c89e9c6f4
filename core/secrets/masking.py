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
    r"(?ix) passw(?:or)?d | passphrase | secret | credential | authorization | cookie | sessionid"
    r" | (?: api | access | private | signing ) [_-]? key | (?:^|[_-]) token $"
)
_HARMLESS_NAME = re.compile(r"(?i)(?:_refs?|_count|_fingerprint|_id|_name|_at)$")

# Where none of the words in front is in a line, in small letters, the pattern is not tried: most
# lines have few. (A line of 200 characters: some 50 µs, 80 without that; a traceback of 10 kB: 0.4
# ms, 3.7 without.) Repetitions are bounded: a hostile line must not cost more than its length.
_PATTERNS = [
    # scheme://user:password@host; in a page's address a slash ends it, and what was taken for a
    # password is a port
    (("://",), re.compile(r"(://[^\s:/@]{0,100}:)[^\s/]{1,200}@"), rf"\1{DOTS}@"),
    (
        ("://",),
        re.compile(r"""((?<!http)(?<!https)://[^\s:/@]{0,100}:)[^\s"'<>]{1,200}@"""),
        rf"\1{DOTS}@",
    ),
    # headers: a scheme and what follows it, and cookies to the end of the line
    (
        ("authorization",),
        re.compile(
            r"""(?i)\b(authorization["']?\s{0,4}[:=]\s{0,4}["']?)"""
            r"""(?:[a-z][\w-]{1,20}\s{1,4})?[^\s"',;<>})\]]{1,4000}"""
        ),
        rf"\1{DOTS}",
    ),
    (
        ("cookie",),
        re.compile(r"""(?i)\b(cookie["']?\s{0,4}:\s{0,4}["']?)[^\r\n"']{1,4000}"""),
        rf"\1{DOTS}",
    ),
    (
        ("private key",),
        re.compile(
            r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[^-]{1,8000}(?:-----END[A-Z -]{1,30})?"
        ),
        DOTS,
    ),
    (
        ("bearer", "basic"),
        re.compile(r"(?i)\b(bearer|basic)\s{1,4}[\w.~+/=-]{8,4000}"),
        rf"\1 {DOTS}",
    ),
    # what vendors put in front of their keys, so that nets like this one find them
    (
        ("sk", "pk", "rk"),
        re.compile(r"\b(sk-|[spr]k_(?:live|test)_|[pr]k-)[\w-]{8,400}"),
        rf"\1{DOTS}",
    ),
    (("gsk_", "npm_", "xai-"), re.compile(r"\b(gsk_|npm_|xai-)[A-Za-z0-9]{16,400}"), rf"\1{DOTS}"),
    (("aiza",), re.compile(r"AIza[\w-]{10,400}"), f"AIza{DOTS}"),
    (("akia",), re.compile(r"AKIA[A-Z0-9]{12,100}"), f"AKIA{DOTS}"),
    (
        ("gh", "pat-", "xox", "hf_", "whsec_"),
        re.compile(r"\b(gh[oprsu]_|github_pat_|glpat-|xox[abprs]-|hf_|whsec_)[\w+/=-]{10,400}"),
        rf"\1{DOTS}",
    ),
    (
        ("eyj",),
        re.compile(r"eyJ[\w-]{8,4000}\.[\w-]{8,4000}\.[\w-]{0,4000}"),
        DOTS,
    ),  # JSON web tokens
    (("gaaaaa",), re.compile(r"gAAAAA[\w=-]{20,4000}"), DOTS),  # tokens of our own store
    # name=value, name: value, "name": "value"
    (
        ("pass", "secret", "credential", "key", "session", "token"),
        re.compile(
            r"""(?ix) ( (?: passw(?:or)?d | passphrase | secret | credential
            | (?: api | access | private | secret | signing | audit ) [_-]? key | session_?id
            | secret_store_keys | csrftoken | (?<![a-z]) token )
            (?: ["'] | &quot; | &\#x27; )? \s{0,4} [=:] \s{0,4} )
            (?: &quot; .{1,4000}? &quot; | &\#x27; .{1,4000}? &\#x27; | "(?:[^"\\]|\\.){1,4000}"
            | '(?:[^'\\]|\\.){1,4000}' | [^\s"'&,;<>})\]]{1,4000} )"""
        ),
        rf"\1{DOTS}",
    ),
    # a sentence about an API key goes on with a word; a key is longer than most
    (
        ("key",),
        re.compile(
            r"""(?i)\b((?:api|access|private|secret)\s{1,2}key\s{0,4}[=:]\s{0,4}["']?)"""
            r"""[^\s"'&,;<>})\]]{8,4000}"""
        ),
        rf"\1{DOTS}",
    ),
    (
        ("key", "token", "sig"),
        re.compile(r"(?i)([?&](?:key|token|sig|signature)=)[^\s&#\"'<>]{1,4000}"),
        rf"\1{DOTS}",
    ),
]

_known: dict[str, None] = {}  # in the order of learning
_own: dict[str, None] = {}  # the installation's, which are never forgotten
_lock = threading.Lock()


def remember(value: str, *, is_own: bool = False) -> None:
    """Mask `value` wherever this process writes it from now on, also escaped for HTML and JSON.

    `is_own` is for the few keys that this installation lives by: others do not push them out.
    """
    value = value.strip()
    known = _own if is_own else _known
    if len(value) < SHORTEST_KNOWN or value in known:
        return
    spoken = {value, repr(value)[1:-1], json.dumps(value)[1:-1], quote(value, safe="")}
    with _lock:
        for form in [*spoken, *map(html.escape, spoken)]:
            known[form] = None
        while len(_known) > MOST_KNOWN:
            del _known[next(iter(_known))]


def mask(text: str) -> str:
    """Return `text` with dots for every secret this process knows or can tell by its form."""
    with _lock:
        found = [value for known in (_own, _known) for value in known if value in text]
    for value in sorted(found, key=len, reverse=True):
        text = text.replace(value, DOTS)
    small = text.casefold()
    for words, pattern, replacement in _PATTERNS:
        if any(word in small for word in words):
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
