"""Raw mails read as people paste them: where one begins, and what is kept of it.

Values in, values out. Nothing here takes longer than its text is long, and nothing refuses.
"""

from __future__ import annotations

import email
import re
from collections.abc import Iterator, Mapping, Sequence
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any, Final

# What rules and models make something of; the rest of a raw mail's headers is its journey.
KEPT_HEADERS: Final = (
    "List-Unsubscribe",
    "List-Id",
    "List-Post",
    "Precedence",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "X-Priority",
    "Importance",
    "Reply-To",
)
LONGEST_HEADER: Final = 2_000
MOST_ADDRESSES: Final = 100
MOST_PARTS: Final = 50  # of one mail; each line of it is compared with the end of every part
LONGEST_LEAD: Final = 200  # characters of the line that says that a forwarded mail follows

_HEADER: Final = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,75}):(?:[ \t]+(.*)|$)")
_FIRST: Final = frozenset({"from", "subject", "date", "to"})
_FORWARDED: Final = re.compile(r"^\W*(?:begin )?(?:forwarded|original|weitergeleitete) ", re.I)
_BOUNDARY: Final = re.compile(r"boundary\s*=|content-type:\s*message/", re.I)
RULE: Final = re.compile(r"^[ \t]*(?:-{3,}|={3,}|\*{3,}|_{3,})[ \t]*$")


def starts(lines: Sequence[str]) -> Iterator[int]:
    """Yield the first line of each mail: a block of headers after a blank line or a rule."""
    is_apart, last = True, ""
    number = 0
    while number < len(lines):
        line = lines[number]
        if line.startswith("From ") and is_apart and _begins(lines, number + 1):
            yield number
            number = _end_of_headers(lines, number + 1)
            is_apart = False
        elif is_apart and _begins(lines, number) and not _FORWARDED.match(last[:LONGEST_LEAD]):
            yield number
            number = _end_of_headers(lines, number)
            is_apart = False
        else:
            if line.strip():
                last = line
            is_apart = not line.strip() or bool(RULE.match(line))
            number += 1


def _begins(lines: Sequence[str], number: int) -> bool:
    """Say whether headers begin here: with From, or with another and From among them."""
    if number >= len(lines):
        return False
    first = _HEADER.match(lines[number])
    if first is None:
        return False
    if first[1].lower() == "from":
        return True
    block = lines[number : _end_of_headers(lines, number)]
    names = {found[1].lower() for line in block if (found := _HEADER.match(line))}
    return "from" in names and len(names & _FIRST) > 1


def _end_of_headers(lines: Sequence[str], number: int) -> int:
    while number < len(lines) and lines[number].strip():
        if not (_HEADER.match(lines[number]) or lines[number][0] in " \t"):
            break
        number += 1
    return number


def without_rules(lines: list[str]) -> list[str]:
    """Drop blank lines and rules that end a mail, and the line that begins one in a mailbox."""
    end = len(lines)
    while end and (not lines[end - 1].strip() or RULE.match(lines[end - 1])):
        end -= 1
    return lines[1:end] if lines[0].startswith("From ") else lines[:end]


def mail_of(lines: list[str]) -> dict[str, Any]:
    end = _end_of_headers(lines, 0)
    headers: dict[str, str] = {}
    name = ""
    for line in lines[:end]:
        found = _HEADER.match(line)
        if found:
            name = found[1].title()
            headers.setdefault(name, found[2] or "")
        elif name:
            headers[name] += f" {line.strip()}"
    mail: dict[str, Any] = {"from": _decoded(headers.get("From", ""))}
    mail["to"] = _addresses([_decoded(headers[each]) for each in ("To", "Cc") if each in headers])
    mail["subject"] = _decoded(headers.get("Subject", ""))
    mail["body"] = _body(lines, end, headers)
    mail["received_at"] = _received(headers.get("Date", ""))
    mail["headers"] = {
        each: _decoded(headers[each.title()])[:LONGEST_HEADER]
        for each in KEPT_HEADERS
        if headers.get(each.title())
    }
    return {name: value for name, value in mail.items() if value}


def _addresses(values: list[str]) -> list[str]:
    try:
        found = getaddresses(values)
    except RecursionError:  # remarks within remarks; it has no limit of its own
        return []
    told = (f"{person} <{address}>" if person else address for person, address in found)
    return [each for each in told if each][:MOST_ADDRESSES]


def _decoded(value: str) -> str:
    """Return a header with its encoded words (=?UTF-8?Q?…?=) in plain letters."""
    if "=?" not in value:
        return value.strip()
    try:
        parts = decode_header(value)
    except (ValueError, MessageError):
        return value.strip()
    return "".join(
        _characters(part, charset or "ascii") if isinstance(part, bytes) else part
        for part, charset in parts
    ).strip()


def _characters(raw: bytes, charset: str) -> str:
    """Return text whatever the mail says that it is written in: some codecs give none."""
    try:
        text = raw.decode(charset, "replace")
    except (LookupError, ValueError):
        text = raw.decode("utf-8", "replace")
    return text.encode("utf-8", "replace").decode()  # no half of a surrogate pair


def _received(value: str) -> str:
    try:
        return parsedate_to_datetime(value.strip()).isoformat() if value.strip() else ""
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""  # a date that no program wrote; the mail does without


def _body(lines: list[str], end: int, headers: Mapping[str, str]) -> str:
    kind = headers.get("Content-Type", "").lower()
    encoding = headers.get("Content-Transfer-Encoding", "").strip().lower()
    if not kind.startswith("multipart/") and encoding not in {"quoted-printable", "base64"}:
        return "\n".join(lines[end:]).strip("\n")
    whole = "\n".join(lines)
    if len(_BOUNDARY.findall(whole)) > MOST_PARTS:
        return "\n".join(lines[end:]).strip("\n")
    message = email.message_from_string(whole)
    parts = [part for part in message.walk() if part.get_content_maintype() == "text"]
    plain = [part for part in parts if part.get_content_subtype() == "plain"]
    return "\n\n".join(_text(part) for part in (plain or parts)[:1]).strip("\n")


def _text(part: Message) -> str:
    if part.get("Content-Transfer-Encoding", "").strip().lower() in {"", "7bit", "8bit", "binary"}:
        return str(part.get_payload())
    raw = part.get_payload(decode=True)
    return _characters(raw, part.get_content_charset("utf-8")) if isinstance(raw, bytes) else ""
