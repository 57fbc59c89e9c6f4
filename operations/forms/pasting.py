"""Pasted text read as a list: mails as they lie in a mailbox, lines of columns, or JSON.

Values in, values out. Reading is lenient and says by line what it did not understand; whether the
entries are good is for `validation.parse` to say.
"""

from __future__ import annotations

import email
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any, Final

from operations.forms.shapes import Shape

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
SHOWN: Final = 10  # entries of a preview
MOST_UNPACKED: Final = 25  # entries that get fields of their own; more are edited as text

_HEADER: Final = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,75}):(?:[ \t]+(.*)|$)")
_FIRST: Final = frozenset({"from", "subject", "date", "to"})
_FORWARDED: Final = re.compile(r"^\W*(?:begin )?(?:forwarded|original|weitergeleitete) ", re.I)
_RULE: Final = re.compile(r"^[ \t]*(?:-{3,}|={3,}|\*{3,}|_{3,})[ \t]*$")
_BULLET: Final = re.compile(r"^\s*(?:[-*•]\s+)?(?:\[[ xX]?\]\s*)?")
_UNTIL: Final = re.compile(r"\s+(?:to|until|till|\u2013|\u2014|->|→|-)\s+|\s*[,;|\t→]\s*")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing understood, and the line it begins on."""

    line: int
    value: Any

    @property
    def summary(self) -> str:
        """Say in a line which one it is."""
        value = self.value
        if not isinstance(value, Mapping):
            return str(value)[:120]
        if "from" in value or "body" in value:
            about = value.get("subject") or str(value.get("body", "")).strip()[:80]
            words = (value.get("from"), about)
        else:
            first, *rest = [each for each in value.items() if each[0] != "id"] or [("", "")]
            named = (f"{name.replace('_', ' ')} {_one_line(each)}" for name, each in rest if each)
            words = (first[1], *named)
        return " · ".join(_one_line(word) for word in words if word not in (None, "", []))[:160]


@dataclass(slots=True)
class Pasted:
    """What a text was read as. `problems` are sentences that name their line."""

    noun: str = "entry"
    is_listed: bool = True  # where the text itself is not what stays
    entries: list[Entry] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def values(self) -> list[Any]:
        return [entry.value for entry in self.entries]

    @property
    def nouns(self) -> str:
        return self.noun if len(self.entries) == 1 else f"{self.noun}s".replace("ys", "ies")

    @property
    def can_be_unpacked(self) -> bool:
        return 0 < len(self.entries) <= MOST_UNPACKED and not self.problems

    @property
    def last_line(self) -> int:
        return self.entries[-1].line

    @property
    def shown(self) -> list[Entry]:
        return self.entries[:SHOWN]

    @property
    def more(self) -> int:
        return max(0, len(self.entries) - SHOWN)


def _one_line(value: Any) -> str:
    return " ".join((", ".join(map(str, value)) if isinstance(value, list) else str(value)).split())


def read(shape: Shape, text: str) -> Pasted:
    """Return the entries of the list `shape` that `text` holds."""
    pasted = Pasted(noun=shape.singular, is_listed=shape.has_rows)
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    if not text.strip():
        return pasted
    if text.lstrip()[0] in "[{":
        _read_json(shape, text, pasted)
        if pasted.entries or pasted.problems:
            return pasted
    if shape.is_mails:
        _read_mails(text, pasted)
    else:
        _read_lines(shape, text, pasted)
    return pasted


# --- JSON -----------------------------------------------------------------------------------------


def _read_json(shape: Shape, text: str, pasted: Pasted) -> None:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        if text.lstrip()[:2].strip() in {"[", "{", "[{", '{"', "[]"}:
            pasted.problems.append(f"Line {error.lineno} is not JSON: {error.msg.lower()}.")
        return  # else a line of text that happens to begin with a bracket
    except (RecursionError, ValueError) as error:
        told = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        pasted.problems.append(f"This JSON cannot be read: {told}.")
        return
    if not can_be_shown(found):
        pasted.problems.append("This JSON holds half of a surrogate pair, which is no character.")
        return
    if isinstance(found, dict):
        inner = found.get(shape.name)
        found = inner if isinstance(inner, list) else [found]
    pasted.entries = [Entry(number, each) for number, each in enumerate(found, start=1)]


def can_be_shown(value: Any) -> bool:
    """Say whether JSON is text that a page can hold: half of a surrogate pair is none."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return False
    return True


# --- mails ----------------------------------------------------------------------------------------


def _read_mails(text: str, pasted: Pasted) -> None:
    lines = text.split("\n")
    starts = list(_starts(lines))
    if not starts:
        _read_bodies(lines, pasted)
        return
    lead = [line for line in lines[: starts[0]] if line.strip() and not _RULE.match(line)]
    if lead:
        pasted.problems.append(
            f"Line {lines.index(lead[0]) + 1} stands before the first mail: begin with “From: …”."
        )
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        pasted.entries.append(Entry(start + 1, _mail(_without_rules(lines[start:end]))))


def _starts(lines: Sequence[str]) -> Iterator[int]:
    """Yield the first line of each mail: a block of headers after a blank line or a rule."""
    is_apart, last = True, ""
    number = 0
    while number < len(lines):
        line = lines[number]
        if line.startswith("From ") and is_apart and _begins(lines, number + 1):
            yield number
            number = _end_of_headers(lines, number + 1)
            is_apart = False
        elif is_apart and not _FORWARDED.match(last) and _begins(lines, number):
            yield number
            number = _end_of_headers(lines, number)
            is_apart = False
        else:
            if line.strip():
                last = line
            is_apart = not line.strip() or bool(_RULE.match(line))
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


def _without_rules(lines: list[str]) -> list[str]:
    """Drop blank lines and rules that end a mail, and the line that begins one in a mailbox."""
    end = len(lines)
    while end and (not lines[end - 1].strip() or _RULE.match(lines[end - 1])):
        end -= 1
    return lines[1:end] if lines[0].startswith("From ") else lines[:end]


def _mail(lines: list[str]) -> dict[str, Any]:
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
    addresses = getaddresses([_decoded(headers[each]) for each in ("To", "Cc") if each in headers])
    to = [f"{person} <{address}>" if person else address for person, address in addresses]
    mail["to"] = [each for each in to if each][:MOST_ADDRESSES]
    mail["subject"] = _decoded(headers.get("Subject", ""))
    mail["body"] = _body(lines, end, headers)
    mail["received_at"] = _received(headers.get("Date", ""))
    mail["headers"] = {
        each: _decoded(headers[each.title()])[:LONGEST_HEADER]
        for each in KEPT_HEADERS
        if headers.get(each.title())
    }
    return {name: value for name, value in mail.items() if value}


def _decoded(value: str) -> str:
    """Return a header with its encoded words (=?UTF-8?Q?…?=) in plain letters."""
    if "=?" not in value:
        return value.strip()
    try:
        return "".join(
            part.decode(charset or "ascii", "replace") if isinstance(part, bytes) else part
            for part, charset in decode_header(value)
        ).strip()
    except (LookupError, ValueError, MessageError):
        return value.strip()


def _received(value: str) -> str:
    try:
        return parsedate_to_datetime(value.strip()).isoformat() if value.strip() else ""
    except (ValueError, TypeError, IndexError):
        return ""  # a date that no program wrote; the mail does without


def _body(lines: list[str], end: int, headers: Mapping[str, str]) -> str:
    kind = headers.get("Content-Type", "").lower()
    encoding = headers.get("Content-Transfer-Encoding", "").strip().lower()
    if not kind.startswith("multipart/") and encoding not in {"quoted-printable", "base64"}:
        return "\n".join(lines[end:]).strip("\n")
    try:
        message = email.message_from_string("\n".join(lines))
    except RecursionError:  # parts within parts, a thousand deep
        return "\n".join(lines[end:]).strip("\n")
    parts = [part for part in message.walk() if part.get_content_maintype() == "text"]
    plain = [part for part in parts if part.get_content_subtype() == "plain"]
    return "\n\n".join(_text(part) for part in (plain or parts)[:1]).strip("\n")


def _text(part: Message) -> str:
    if part.get("Content-Transfer-Encoding", "").strip().lower() in {"", "7bit", "8bit", "binary"}:
        return str(part.get_payload())
    raw = part.get_payload(decode=True)
    if not isinstance(raw, bytes):
        return ""
    try:
        return raw.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return raw.decode("utf-8", "replace")


def _read_bodies(lines: Sequence[str], pasted: Pasted) -> None:
    """Read text without any headers: one mail, or one between each two rules."""
    start = 0
    for number in range(len(lines) + 1):
        if number == len(lines) or _RULE.match(lines[number]):
            body = "\n".join(lines[start:number]).strip()
            if body:
                pasted.entries.append(Entry(start + 1, {"body": body}))
            start = number + 1
    pasted.notes.append(
        "No “From:” line was found, so this is text without a sender. "
        "Begin each mail with “From: …”, “Subject: …” and a blank line to tell them apart."
    )


# --- lines ----------------------------------------------------------------------------------------


def _read_lines(shape: Shape, text: str, pasted: Pasted) -> None:
    """Read an entry a line. A first line of column names says which columns there are."""
    columns: Sequence[Shape] = shape.columns
    names = {each.name: each for each in shape.fields}
    names |= {each.label.lower().replace(" ", "_"): each for each in shape.fields}
    is_told = False
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not pasted.entries and not is_told:
            told = [cell.strip().lower().replace(" ", "_") for cell in re.split(r"[|;,\t]", line)]
            if len(told) > 1 and all(cell in names for cell in told):
                columns, is_told = [names[cell] for cell in told], True
                continue
        cells = _cells(line, columns, is_told=is_told)
        if len(cells) > len(columns):
            wanted = ", ".join(each.label.lower() for each in columns)
            pasted.problems.append(
                f"Line {number} has {len(cells)} columns; there are {len(columns)}: {wanted}."
            )
            continue
        value = {
            column.name: read_cell(column, cell)
            for column, cell in zip(columns, cells, strict=False)
            if cell or (column.is_required and column.is_nullable)
        }
        pasted.entries.append(Entry(number, value))


def _cells(line: str, columns: Sequence[Shape], *, is_told: bool) -> list[str]:
    if all(each.kind == "moment" for each in columns):  # a stretch of time
        return [cell.strip() for cell in _UNTIL.split(line.strip())]
    is_prose = columns[0].kind in {"text", "long"}
    if is_prose and not is_told:
        line = _BULLET.sub("", line)
    marks = ["\t", "|", ";"]
    if is_told or not is_prose:
        marks.append(",")  # in prose it belongs to the title
    mark = next((mark for mark in marks if mark in line), None)
    if mark is not None:
        return [cell.strip() for cell in line.split(mark)]
    return [line.strip()] if is_prose else line.rsplit(None, len(columns) - 1)


def read_cell(column: Shape, cell: str) -> Any:
    """Return what a cell, or a field of a form, says: a number where one is asked for."""
    if not cell:
        return None
    if column.kind in {"whole", "number"}:
        return number_of(cell)
    if column.kind == "texts":
        return [word.strip() for word in re.split(r"[,&]", cell) if word.strip()]
    return cell


def written(shape: Shape, values: Sequence[Any]) -> str:
    """Return `values` as text that reads back as they are: lines where those can, else JSON."""
    columns = shape.columns
    is_prose = bool(columns) and columns[0].kind in {"text", "long"}
    mark = " | " if is_prose else ", "
    lines = []
    for value in values:
        if not isinstance(value, Mapping):
            break
        cells = [_cell(value.get(each.name)) for each in columns]
        lines.append(mark.join(cells).rstrip(" |" if is_prose else " "))
    text = "\n".join(lines)
    return text if read(shape, text).values == list(values) else json.dumps(values, indent=1)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def number_of(text: str) -> int | float | str:
    """Return the number that `text` is, or the text: it is for validation to refuse it."""
    plain = text.strip().replace("\u2212", "-")
    if re.fullmatch(r"-?\d+,(?:\d{1,2}|\d{4,})", plain):  # 1,000 may be a thousand: not read
        plain = plain.replace(",", ".")
    if re.fullmatch(r"[+-]?\d{1,30}", plain):
        return int(plain)
    if re.fullmatch(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", plain):
        return float(plain)
    return text
