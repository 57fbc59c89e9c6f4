"""Pasted text read as a list: mails as they lie in a mailbox, lines of columns, or JSON.

Values in, values out. Reading is lenient and says by line what it did not understand; whether the
entries are good is for `validation.parse` to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from operations import validation
from operations.forms import mails
from operations.forms.shapes import Shape

LONGEST_NUMBER: Final = 400  # characters; the largest that a computer holds has 309 digits
MOST_NOTES: Final = 20  # beside a preview
SHOWN: Final = 10  # entries of a preview
MOST_UNPACKED: Final = 25  # entries that get fields of their own; more are edited as text

_WITH_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}[T ](?=\d)")
_TIME: Final = re.compile(r"\d{1,2}:\d{2}")
_BULLET: Final = re.compile(r"^\s*(?:[-*•]\s+)?(?:\[[ xX]?\]\s*)?")
# It begins where spaces begin, or a long run of them would be read once for each of them.
_UNTIL: Final = re.compile(
    r"(?<!\s)(?:\s+(?:to|until|till|\u2013|\u2014|->|→|-)\s+|\s*[,;|\t→]\s*)"
)


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
    shape: Shape | None = None
    unread: int = 0  # lines that are no entry
    _wrong: list[str] | None = None

    @property
    def wrong(self) -> list[str]:
        """Return a sentence for each entry that its type refuses."""
        if self._wrong is None:
            self._wrong = list(_refused(self.shape, self.entries)) if self.shape else []
        return self._wrong

    @property
    def total(self) -> int:
        return len(self.entries) + self.unread

    @property
    def good(self) -> int:
        return len(self.entries) - len(self.wrong)

    @property
    def limit(self) -> int:
        """Return how many entries there may be at most, where there are more; else 0."""
        most = (self.shape.max_length if self.shape else 0) or 0
        is_list = self.shape is not None and self.shape.kind == "list"
        return most if is_list and len(self.entries) > most else 0

    @property
    def is_good(self) -> bool:
        return not (self.problems or self.wrong or self.limit)

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


def _refused(shape: Shape, entries: Sequence[Entry]) -> Iterator[str]:
    needs_id = any(each.name == "id" and each.is_required for each in shape.fields)
    model = shape.model
    if model is None:
        return
    adapter: TypeAdapter[Any] = TypeAdapter(shape.item or model)
    for place, entry in enumerate(entries, start=1):
        value = entry.value
        if needs_id and isinstance(value, Mapping) and not value.get("id"):
            value = {**value, "id": "1"}  # it gets one once it is sent
        elif not isinstance(value, Mapping):
            continue  # text alone, as JSON has it
        try:
            adapter.validate_python(value)
        except ValidationError as error:
            path, problem = next(iter(validation.problems_of(error, model).items()))
            steps = [] if path == "parameters" else re.split(r"[.\[\]]+", path)
            yield about(shape, entry, place, steps, problem)


def about(shape: Shape, entry: Entry, place: int, steps: Sequence[str], problem: str) -> str:
    """Say what is wrong with an entry: its line, and the field as the page calls it."""
    labels = {each.name: each.label.lower() for each in shape.fields}
    named = " ".join(labels.get(step, step) for step in steps if step) or "it"
    return f"Line {entry.line}, {shape.singular} {place}: {named} {problem}."


def _one_line(value: Any) -> str:
    return " ".join((", ".join(map(str, value)) if isinstance(value, list) else str(value)).split())


def read(shape: Shape, text: str) -> Pasted:
    """Return the entries of the list `shape` that `text` holds."""
    pasted = Pasted(noun=shape.singular, is_listed=shape.has_rows, shape=shape)
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
    found = mails.find(lines)
    if not found:
        _read_bodies(lines, pasted)
        return
    lead = [line for line in lines[: found[0].begin] if line.strip() and not mails.RULE.match(line)]
    if lead:
        pasted.problems.append(
            f"Line {lines.index(lead[0]) + 1} stands before the first mail: begin with “From: …”."
        )
    ends = [*(each.begin for each in found[1:]), len(lines)]
    for each, end in zip(found, ends, strict=True):
        mail = mails.mail_of(mails.without_rules(lines[each.head : end]))
        pasted.entries.append(Entry(each.begin + 1, mail))
        pasted.notes += [
            f"The mail on line {line + 1} is one that the mail of line {each.begin + 1} forwards "
            "or quotes, so it stays part of it."
            for line in each.inside
        ]
    del pasted.notes[MOST_NOTES:]


def _read_bodies(lines: Sequence[str], pasted: Pasted) -> None:
    """Read text without any headers: one mail, or one between each two rules."""
    start = 0
    for number in range(len(lines) + 1):
        if number == len(lines) or mails.RULE.match(lines[number]):
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
    references: list[tuple[Entry, Shape, str]] = []
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
            pasted.unread += 1
            continue
        value = {
            column.name: read_cell(column, cell)
            for column, cell in zip(columns, cells, strict=False)
            if cell or (column.is_required and column.is_nullable)
        }
        pasted.entries.append(Entry(number, value))
        references += [
            (pasted.entries[-1], column, cell)
            for column, cell in zip(columns, cells, strict=False)
            if column.refers and cell
        ]
    _refer(pasted, references)


def _refer(pasted: Pasted, references: Sequence[tuple[Entry, Shape, str]]) -> None:
    """Turn what lines call each other, an id, a title or the number of a line, into ids.

    An entry that is called so and has no id gets that of its line.
    """
    if not references:
        return
    by_id = {str(each.value["id"]): each for each in pasted.entries if each.value.get("id")}
    by_name = {str(each.line): each for each in pasted.entries}
    by_name |= {title_of(each.value): each for each in reversed(pasted.entries)}
    told: list[str] = []
    waits: dict[int, list[int]] = {}  # by line, the lines that it waits for
    for entry, column, cell in references:
        whole = " ".join(cell.lower().split())
        names = [cell] if whole in by_name else read_cell(column, cell)
        ids = []
        for name in names:
            found = by_id.get(name) or by_name.get(" ".join(name.lower().split()))
            if found is None:
                ids.append(name)
                told.append(f"Line {entry.line} names “{name[:80]}”, which is none of these lines.")
                continue
            identifier = str(found.value.get("id") or found.line)
            if by_id.setdefault(identifier, found) is not found:  # another's id, by chance
                identifier = f"line-{found.line}"
                by_id[identifier] = found
            found.value["id"] = identifier
            ids.append(identifier)
            waits.setdefault(entry.line, []).append(found.line)
        entry.value[column.name] = list(dict.fromkeys(ids))
    told += _loops(waits)
    pasted.notes += told[:MOST_NOTES]


def title_of(value: Mapping[str, Any]) -> str:
    """Return what an entry is called, for comparing."""
    return " ".join(str(value.get("title") or "").lower().split())


def _loops(waits: Mapping[int, Sequence[int]]) -> list[str]:
    """Say which lines wait for each other, of the first loop that there is."""
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        numbers = [str(line) for line in sorted(set(error.args[1]))]
    else:
        return []
    if len(numbers) == 1:
        return [f"Line {numbers[0]} waits for itself."]
    if len(numbers) > SHOWN:
        numbers = [*numbers[:SHOWN], f"{len(numbers) - SHOWN} more"]
    named = f"{', '.join(numbers[:-1])} and {numbers[-1]}"
    return [f"Lines {named} wait for each other: break one of these links."]


def _cells(line: str, columns: Sequence[Shape], *, is_told: bool) -> list[str]:
    if all(each.kind == "moment" for each in columns):  # a stretch of time
        cells = [cell.strip() for cell in _UNTIL.split(line.strip())]
        if len(cells) == 2 and (day := _WITH_DAY.match(cells[0])) and _TIME.fullmatch(cells[1]):
            cells[1] = f"{day[0]}{cells[1].rjust(5, '0')}"  # it ends on the day it begins
        return cells
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
        return dict(column.words).get(cell.strip().lower(), number_of(cell))
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
    if len(text) > LONGEST_NUMBER:
        return text
    plain = text.strip().replace("\u2212", "-")
    if re.fullmatch(r"-?\d+,(?:\d{1,2}|\d{4,})", plain):  # 1,000 may be a thousand: not read
        plain = plain.replace(",", ".")
    if re.fullmatch(r"[+-]?\d{1,30}", plain):
        return int(plain)
    if re.fullmatch(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", plain):
        return float(plain)
    return text
