"""Raw mails read as people paste them: where one begins, and what is kept of it.

Values in, values out. Nothing here takes longer than its text is long, and nothing refuses.
"""

from __future__ import annotations

import email
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
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

_HEADER: Final = re.compile(r"\*{0,2}([A-Za-z][A-Za-z0-9-]{0,75}):\*{0,2}(?:[ \t]+(.*)|$)")
_FIRST: Final = frozenset({"From", "Subject", "Date", "To"})
_NAMES: Final = {  # what mail programs write above what they forward or quote
    "Von": "From",
    "An": "To",
    "Kopie": "Cc",
    "Betreff": "Subject",
    "Datum": "Date",
    "Gesendet": "Date",
    "Sent": "Date",
}
_QUOTED_NAMES: Final = frozenset({"Von", "Gesendet", "Sent"})  # no mail of its own begins so
_MARK: Final = re.compile(
    r"^\W*(?:begin |anfang der )?"
    r"(?:forwarded|original|weitergeleitete[rn]?|urspr(?:ü|ue)ngliche[rn]?) "
    r"(?:message|mail|e-mail|email|nachricht)\b",
    re.I,
)
_ANSWER: Final = re.compile(r"^\s*(?:re|aw|antw|sv|fwd?|wg|tr|rv)(?:\[\d{1,3}\])?\s*:", re.I)
_FORWARD: Final = re.compile(r"^\s*(?:fwd?|wg|tr|rv)(?:\[\d{1,3}\])?\s*:", re.I)
_BOUNDARY: Final = re.compile(r"boundary\s*=|content-type:\s*message/", re.I)
RULE: Final = re.compile(r"^[ \t]*(?:-{3,}|={3,}|\*{3,}|_{3,})[ \t]*$")
MONTHS: Final = {
    **{"jan": 1, "feb": 2, "mar": 3, "mär": 3, "apr": 4, "may": 5, "mai": 5, "jun": 6, "jul": 7},
    **{"aug": 8, "sep": 9, "oct": 10, "okt": 10, "nov": 11, "dec": 12, "dez": 12},
}
LONGEST_DATE: Final = 100
_SENT: Final = re.compile(r"(?:\w{3},?\s+)?\d{1,2}\s+\w{3}\s+\d{2,}\s+\d{1,2}:\d{2}")  # RFC 5322
_DAY: Final = re.compile(
    r"\b(?:(?P<day>\d{1,2})\.?\s+(?P<month>[A-Za-zä]{3,9})\.?"
    r"|(?P<month_first>[A-Za-zä]{3,9})\.?\s+(?P<day_second>\d{1,2})),?\s+(?P<year>\d{4})\b"
)
_CLOCK: Final = re.compile(r"\b(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s?([ap])\.?m\b)?", re.I)
LONGEST_SUBJECT: Final = 1_000  # characters of it that are compared


@dataclass(slots=True)
class Found:
    """A mail among pasted lines: where it begins, and where its headers do.

    They differ where a line such as “Forwarded message” announces it. `inside` are the lines on
    which mails begin that this one forwards or quotes.
    """

    begin: int
    head: int
    subject: str
    inside: list[int] = field(default_factory=list)


def find(lines: Sequence[str]) -> list[Found]:
    """Return the mails: blocks of headers after a blank line, a rule, or a line announcing them.

    Inside another's body stays what is glued to its text, or what it answers or forwards.
    """
    found: list[Found] = []
    is_apart, mark, is_glued = True, -1, False  # `mark` is the line that announces a mail
    number = 0
    while number < len(lines):
        line = lines[number]
        head = number + 1 if line.startswith("From ") and is_apart else number
        is_quoted = line.startswith(">") and (mark >= 0 or not found)
        if (is_apart or mark >= 0) and _begins(lines, head, is_quoted=is_quoted):
            end = _end_of_headers(lines, head, is_quoted=is_quoted)
            block = [_bare(each) if is_quoted else each for each in lines[head:end]]
            begin = mark if mark >= 0 else number
            subject = _subject(block)
            if found and _is_inside(
                found[-1], block, subject, is_marked=mark >= 0, is_glued=is_glued
            ):
                found[-1].inside.append(begin)
            else:
                found.append(Found(begin, head, subject))
            is_apart, mark, number = False, -1, end
            continue
        if line.strip():
            mark = number if _MARK.match(line[:LONGEST_LEAD]) else -1
            is_glued = not is_apart
        is_apart = not line.strip() or bool(RULE.match(line))
        number += 1
    return found


def _is_inside(
    outer: Found, block: Sequence[str], subject: str, *, is_marked: bool, is_glued: bool
) -> bool:
    """Say whether a block of headers is one that the mail above forwards or quotes."""
    is_same = bool(subject) and _base(subject) == _base(outer.subject)
    if is_marked:
        return is_glued or is_same or (not outer.inside and bool(_FORWARD.match(outer.subject)))
    names = {match[1].title() for line in block if (match := _HEADER.match(line))}
    return is_same and bool(names & _QUOTED_NAMES) and bool(_ANSWER.match(outer.subject))


def _base(subject: str) -> str:
    """Return a subject without “Re:” and “Fwd:”, however many."""
    while found := _ANSWER.match(subject):
        subject = subject[found.end() :]
    return " ".join(subject.split()).lower()


def _subject(block: Sequence[str]) -> str:
    for line in block:
        found = _HEADER.match(line)
        if found and _name(found) == "Subject":
            return _decoded((found[2] or "")[:LONGEST_SUBJECT])
    return ""


def _name(found: re.Match[str]) -> str:
    name = found[1].title()
    return _NAMES.get(name, name)


def _bare(line: str) -> str:
    """Return a line without the sign of a quotation."""
    return line.removeprefix(">").removeprefix(" ") if line.startswith(">") else line


def _begins(lines: Sequence[str], number: int, *, is_quoted: bool = False) -> bool:
    """Say whether headers begin here: with From, or with another and From among them."""
    if number >= len(lines):
        return False
    first = _HEADER.match(_bare(lines[number]) if is_quoted else lines[number])
    if first is None:
        return False
    if first[1].lower() == "from":
        return True
    end = _end_of_headers(lines, number, is_quoted=is_quoted)
    block = [_bare(each) if is_quoted else each for each in lines[number:end]]
    names = {_name(match) for line in block if (match := _HEADER.match(line))}
    return "From" in names and len(names & _FIRST) > 1


def _end_of_headers(lines: Sequence[str], number: int, *, is_quoted: bool = False) -> int:
    while number < len(lines):
        line = _bare(lines[number]) if is_quoted else lines[number]
        if not line.strip() or not (_HEADER.match(line) or line[0] in " \t"):
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
    if lines and lines[0].startswith(">"):
        lines = [_bare(line) for line in lines]
    end = _end_of_headers(lines, 0)
    headers: dict[str, str] = {}
    name = ""
    for line in lines[:end]:
        found = _HEADER.match(line)
        if found:
            name = _name(found)
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
    value = value.strip()[:LONGEST_DATE]
    if not value:
        return ""
    if not _SENT.match(value):
        return _local(value)
    try:
        return parsedate_to_datetime(value).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""  # a date that no program wrote; the mail does without


def _local(value: str) -> str:
    """Return a date as mail programs show it to people, without a zone; "" for others."""
    day, clock = _DAY.search(value), _CLOCK.search(value)
    if day is None or clock is None:
        return ""
    month = MONTHS.get((day["month"] or day["month_first"])[:3].lower(), 0)
    hour = int(clock[1])
    if clock[4]:
        hour = hour % 12 + (12 if clock[4].lower() == "p" else 0)
    try:
        on = date(int(day["year"]), month, int(day["day"] or day["day_second"]))
        at = time(hour, int(clock[2]), int(clock[3] or 0))
    except ValueError:
        return ""
    return f"{on}T{at}"


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
