from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from pydantic import BaseModel

from operations import registry
from operations.forms import pasting
from operations.forms.pasting import Pasted
from operations.forms.shapes import Shape, shapes_of

TEN_MAILS = (Path(settings.BASE_DIR) / "tests/browser/mails.txt").read_text()


def shape_of(operation: str, name: str) -> Shape:
    model: type[BaseModel] = registry.get(operation).parameters
    shapes = shapes_of(model)
    return next(shape for shape in shapes if shape.name == name)


def read_mails(text: str) -> Pasted:
    return pasting.read(shape_of("email-classify", "emails"), text)


def read_tasks(text: str) -> Pasted:
    return pasting.read(shape_of("task-prioritize", "tasks"), text)


def read_series(text: str) -> Pasted:
    return pasting.read(shape_of("analytics-summary", "series"), text)


def test_ten_mails_are_told_apart() -> None:
    pasted = read_mails(TEN_MAILS)

    assert (len(pasted.entries), pasted.problems) == (10, [])
    assert len(pasted.notes) == 1  # of the one that was forwarded inside the last
    assert [mail["subject"].split()[0] for mail in pasted.values] == [
        *("URGENT:", "Issue", "Move", "Your", "Please"),
        *("Sunday", "Your", "Invitation:", "Out", "Fwd:"),
    ]


def test_a_mail_is_read_as_its_reader_sees_it() -> None:
    first, newsletter, *_ = read_mails(TEN_MAILS).values

    assert first["from"] == "Märta Lindqvist <marta.lindqvist@northwind-logistics.com>"
    assert "140 parcels are waiting and" in first["body"]  # the line goes on after “=”
    assert first["received_at"] == "2026-11-20T09:13:58+01:00"
    assert first["headers"] == {"X-Priority": "1 (Highest)"}  # not the journey
    assert newsletter["headers"]["List-Unsubscribe"].startswith("<https://morningcache.dev/")


def test_of_several_parts_the_plain_text_is_read() -> None:
    body = read_mails(TEN_MAILS).values[6]["body"]

    assert body.startswith("Dear Valued Customer,")
    assert "<html>" not in body
    assert "b1_7d1" not in body


def test_a_mail_forwarded_inside_another_stays_inside() -> None:
    assert "From: Ines Costa" in read_mails(TEN_MAILS).values[9]["body"]


def test_windows_line_ends_change_nothing() -> None:
    assert read_mails(TEN_MAILS.replace("\n", "\r\n")).values == read_mails(TEN_MAILS).values


def test_a_mailbox_file_is_read() -> None:
    text = (
        "From jo@example.com Fri Nov 20 08:00:00 2026\nFrom: jo@example.com\nSubject: One\n\nA\n\n"
        "From sam@example.com Fri Nov 20 09:00:00 2026\nFrom: sam@example.com\n\nFrom here on, B\n"
    )

    assert read_mails(text).values == [
        {"from": "jo@example.com", "subject": "One", "body": "A"},
        {"from": "sam@example.com", "body": "From here on, B"},
    ]


def test_text_without_headers_is_mails_without_a_sender_and_says_so() -> None:
    pasted = read_mails("Are you there?\n\nJo\n---\nPlease pay.")

    assert pasted.values == [{"body": "Are you there?\n\nJo"}, {"body": "Please pay."}]
    assert "No “From:” line" in pasted.notes[0]


def test_text_before_the_first_mail_is_a_problem_of_its_line() -> None:
    pasted = read_mails("My inbox of today\n\nFrom: jo@example.com\nSubject: One\n\nA")

    assert len(pasted.entries) == 1
    assert pasted.problems == ["Line 1 stands before the first mail: begin with “From: …”."]


@pytest.mark.parametrize(
    "text",
    [
        "From: a\nContent-Type: multipart/mixed\n\nno boundary",
        "From: a\nContent-Type: text/x; charset=none\nContent-Transfer-Encoding: base64\n\n!",
        "From: =?no-such?Q?x?=\nDate: Mon, 99 Foo 9999\n\nx",
        "From: a\nDate: Fri, 20 Nov 99999 08:00:00 +9999\n\nx",
        "From: a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n" * 300,
        "From:\n\n\nFrom:\n",
        "\ufeffFrom: a\n\nx",
        "From: \ud800\n\n\x00",
    ],
)
def test_no_mail_is_too_broken_to_be_read(text: str) -> None:
    assert read_mails(text).entries


def test_json_is_read_as_it_is() -> None:
    assert read_mails('[{"id": "7", "subject": "x"}]').values == [{"id": "7", "subject": "x"}]
    assert read_mails('{"emails": [{"subject": "x"}]}').values == [{"subject": "x"}]
    assert read_mails('{"subject": "x"}').values == [{"subject": "x"}]


def test_broken_json_names_its_line() -> None:
    assert read_mails('[\n{"subject": }\n]').problems[0].startswith("Line 2 is not JSON")
    assert "too deeply" in read_mails("[" * 100_000).problems[0]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("Send the tax return", {"title": "Send the tax return"}),
        ("- [ ] Call Jo, then Sam", {"title": "Call Jo, then Sam"}),
        (
            "Publish | 2026-11-27 | 5 | 90 | 2, 3",
            {
                "title": "Publish",
                "due": "2026-11-27",
                "importance": 5,
                "effort_minutes": 90,
                "blocked_by": ["2", "3"],
            },
        ),
        ("Tidy\t\t1", {"title": "Tidy", "importance": 1}),
        ("Tidy | | high", {"title": "Tidy", "importance": 5}),
        ("Tidy | | huge", {"title": "Tidy", "importance": "huge"}),  # for validation to refuse
    ],
)
def test_a_task_is_a_line(line: str, value: dict[str, Any]) -> None:
    assert read_tasks(line).values == [value]


@pytest.mark.parametrize("name", ["Review PR", " review  pr ", "2", "REVIEW PR, 2"])
def test_a_pasted_task_names_what_it_waits_for_by_title_or_line(name: str) -> None:
    pasted = read_tasks(f"Deploy fix | 2026-11-23 | 5 | 30 | {name}\nReview PR | | 3 | 20")

    deploy, review = pasted.values
    assert review["id"] == "2"
    assert deploy["blocked_by"] == ["2"]
    assert (pasted.problems, pasted.notes) == ([], [])


def test_an_id_goes_before_a_line() -> None:
    pasted = read_tasks(
        "id|title|blocked by\n3|Pay|\n7|Tidy|3\n9|Fix, then test|\n8|Ship|fix, then test"
    )

    assert [task.get("blocked_by") for task in pasted.values] == [None, ["3"], None, ["9"]]


def test_an_id_that_is_taken_is_given_to_no_other() -> None:
    pasted = read_tasks("id|title|blocked by\n3|Pay|Tidy\n|Tidy|")

    assert [task["id"] for task in pasted.values] == ["3", "line-3"]
    assert pasted.values[0]["blocked_by"] == ["line-3"]


def test_who_waits_for_what_is_not_there_is_told() -> None:
    pasted = read_tasks("Deploy | | | | Nowhere")

    assert pasted.values[0]["blocked_by"] == ["Nowhere"]
    assert pasted.notes == ["Line 1 names “Nowhere”, which is none of these lines."]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("A|B\nB|A", "Lines 2 and 3 wait for each other: break one of these links."),
        ("A|B\nB|C\nC|A\nD|A", "Lines 2, 3 and 4 wait for each other: break one of these links."),
        ("A|A", "Line 2 waits for itself."),
    ],
)
def test_who_wait_for_each_other_are_told(text: str, told: str) -> None:
    assert read_tasks(f"title|blocked by\n{text}").notes == [told]


def test_a_line_with_too_many_columns_is_named() -> None:
    pasted = read_tasks("Tidy\na|b|c|d|e|f")

    assert pasted.values == [{"title": "Tidy"}]
    assert pasted.problems == [
        "Line 2 has 6 columns; there are 5: title, due, importance, minutes of work, blocked by."
    ]


def test_a_first_line_of_names_says_which_columns_there_are() -> None:
    pasted = read_tasks("id,importance,title\na,5,Pay\nb,1,Tidy")

    assert pasted.values == [
        {"id": "a", "importance": 5, "title": "Pay"},
        {"id": "b", "importance": 1, "title": "Tidy"},
    ]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("2026-11-01,10", 10),
        ("2026-11-01, -1.5e2", -150.0),
        ("2026-11-01 12", 12),
        ("2026-11-01;3,5", 3.5),
        ("2026-11-01;1,000", "1,000"),  # a thousand, or one: not ours to guess
        ("2026-11-01,", None),
    ],
)
def test_a_point_is_a_line(line: str, value: object) -> None:
    assert read_series(line).values == [{"t": "2026-11-01", "value": value}]


@pytest.mark.parametrize("between", [" to ", " - ", " \u2013 ", ", ", " | "])
def test_a_stretch_of_time_is_a_line(between: str) -> None:
    text = f"2026-11-23 09:00{between}2026-11-23T10:30:00+01:00"

    assert pasting.read(shape_of("calendar-time", "busy"), text).values == [
        {"start": "2026-11-23 09:00", "end": "2026-11-23T10:30:00+01:00"}
    ]


def test_a_stretch_of_time_may_end_by_the_clock_alone() -> None:
    pasted = pasting.read(shape_of("calendar-time", "busy"), "2026-11-23 11:00 - 12:00")

    assert pasted.values == [{"start": "2026-11-23 11:00", "end": "2026-11-23 12:00"}]
    assert pasted.is_good


def test_what_a_line_has_wrong_is_told_and_not_counted_as_understood() -> None:
    points = read_series("2026-11-01, 1\nyesterday, 2\n2026-11-03, 3")
    shape = shape_of("calendar-time", "busy")
    busy = pasting.read(shape, "2026-11-23 12:00 - 11:00\n2026-11-24 12:00 - 13:00")
    tasks = read_tasks("Pay\nTidy | 2026-11-24 | 9")

    assert (points.good, points.total, points.is_good) == (2, 3, False)
    assert points.wrong[0].startswith("Line 2, point 2: date or moment must be a date")
    assert (busy.good, busy.wrong) == (
        1,
        ["Line 1, busy time 1: it must not end before it starts."],
    )
    assert (tasks.good, tasks.wrong[0][:27]) == (1, "Line 2, task 2: importance ")


def test_more_entries_than_fit_are_told() -> None:
    assert read_tasks("A\n" * 105).limit == 100
    assert read_tasks("A\n" * 100).limit == 0


def test_what_is_written_reads_back() -> None:
    shape = shape_of("analytics-summary", "series")
    points = [{"t": "2026-11-01", "value": 1.5}, {"t": "2026-11-02", "value": None}]
    odd = [{"t": "2026-11-01", "value": 1, "unit": "EUR"}]

    assert pasting.written(shape, points) == "2026-11-01, 1.5\n2026-11-02,"
    assert pasting.read(shape, pasting.written(shape, points)).values == points
    assert pasting.read(shape, pasting.written(shape, odd)).values == odd


def test_a_preview_shows_the_first_and_counts_the_rest() -> None:
    pasted = read_tasks("\n".join(f"Task {number}" for number in range(1, 31)))

    assert [entry.summary for entry in pasted.shown][:2] == ["Task 1", "Task 2"]
    assert (len(pasted.shown), pasted.more, pasted.last_line, pasted.nouns) == (10, 20, 30, "tasks")


# --- hostile text ---------------------------------------------------------------------------------

MAIL = "From: a@example.com\nSubject: Hello\n"
ENCODED = "Content-Transfer-Encoding: base64\n\nYWJj\n"


@pytest.mark.parametrize(
    "text",
    [
        f"{MAIL}To: {'(' * 5_000}\n\nHello",
        f"{MAIL}To: {'a:' * 5_000}\n\nHello",
        f"{MAIL}Date: 1 Jan 99999999999999 00:00:00\n\nHello",
        f"{MAIL}Date: 1 Jan 2026 00:00:00 +99999999999999\n\nHello",
        *(
            f"{MAIL}Content-Type: text/plain; charset={charset}\n{ENCODED}"
            for charset in ("idna", "undefined", "base64", "none-such", '"a\0b"')
        ),
        "From: =?undefined?q?a?=\nSubject: =?unicode_escape?q?=5Cud800?=\n\nHello",
    ],
)
def test_what_a_mail_says_wrongly_of_itself_keeps_it_readable(text: str) -> None:
    pasted = read_mails(text)

    (entry,) = pasted.entries
    assert entry.value["body"] in {"Hello", "abc"}
    assert entry.summary.encode()  # no half of a surrogate pair, which no page can hold


def test_a_mail_of_parts_within_parts_is_left_as_it_came() -> None:
    part = "--b\nContent-Type: multipart/mixed; boundary=b\n\n"

    (entry,) = read_mails(f"{MAIL}Content-Type: multipart/mixed; boundary=b\n\n{part * 90}").entries

    assert entry.value["body"].startswith("--b\nContent-Type")


# --- mails as people paste them -------------------------------------------------------------------

GMAIL = """---------- Forwarded message ---------
From: Jo Ng <jo@shop.example>
Date: Fri, Nov 20, 2026 at 9:13 PM
Subject: Your parcel
To: <alice@example.com>


It is on its way.
"""
APPLE = """Begin forwarded message:

From: Jo Ng <jo@shop.example>
Subject: Your parcel
Date: 20 November 2026 at 21:13:00 CET
To: alice@example.com

It is on its way.
"""
APPLE_QUOTED = """Begin forwarded message:

> From: Jo Ng <jo@shop.example>
> Subject: Your parcel
> Date: 20 November 2026 at 21:13:00 CET
> To: alice@example.com
>
> It is on its way.
"""
OUTLOOK = """-----Original Message-----
From: Jo Ng <jo@shop.example>
Sent: Friday, November 20, 2026 9:13 PM
To: alice@example.com
Subject: Your parcel

It is on its way.
"""
OUTLOOK_WEB = """________________________________
From: Jo Ng <jo@shop.example>
Sent: 20 November 2026 21:13
To: alice@example.com
Subject: Your parcel

It is on its way.
"""
GERMAN = """Von: Jo Ng <jo@shop.example>
Gesendet: Freitag, 20. November 2026 21:13
An: alice@example.com
Betreff: Your parcel

It is on its way.
"""
GERMAN_MARKED = f"-----Ursprüngliche Nachricht-----\n{GERMAN}"
GERMAN_APPLE = """Anfang der weitergeleiteten Nachricht:

Von: Jo Ng <jo@shop.example>
Betreff: Your parcel
Datum: 20. November 2026 um 21:13:00 MEZ
An: alice@example.com

It is on its way.
"""
THUNDERBIRD = """-------- Weitergeleitete Nachricht --------
Betreff: \tYour parcel
Datum: \tFri, 20 Nov 2026 21:13:00 +0100
Von: \tJo Ng <jo@shop.example>
An: \talice@example.com


It is on its way.
"""
BOLD = """*From:* Jo Ng <jo@shop.example>
*Sent:* Friday, 20 November 2026 21:13
*To:* alice@example.com
*Subject:* Your parcel

It is on its way.
"""
PASTED_ALONE = {
    "gmail": GMAIL,
    "apple": APPLE,
    "apple quoted": APPLE_QUOTED,
    "outlook": OUTLOOK,
    "outlook web": OUTLOOK_WEB,
    "german": GERMAN,
    "german marked": GERMAN_MARKED,
    "german apple": GERMAN_APPLE,
    "thunderbird": THUNDERBIRD,
    "bold": BOLD,
}
PLAIN = "From: sam@example.com\nSubject: Lunch\n\nAt noon?"


@pytest.mark.parametrize("program", PASTED_ALONE)
def test_a_forward_alone_is_a_mail_of_its_sender(program: str) -> None:
    pasted = read_mails(PASTED_ALONE[program])

    (mail,) = pasted.values
    assert (pasted.problems, pasted.notes) == ([], [])
    assert mail.pop("received_at").startswith("2026-11-20T21:13:00")
    assert mail == {
        "from": "Jo Ng <jo@shop.example>",
        "to": ["alice@example.com"],
        "subject": "Your parcel",
        "body": "It is on its way.",
    }


@pytest.mark.parametrize("program", PASTED_ALONE)
def test_of_six_mails_one_may_be_a_forward(program: str) -> None:
    mails = [PLAIN.replace("sam", name) for name in ("ann", "bob", "cid", "dan", "eve")]
    text = "\n\n".join([*mails[:3], PASTED_ALONE[program], *mails[3:]])

    pasted = read_mails(text)

    assert (pasted.problems, pasted.notes) == ([], [])
    assert [mail["from"].split("@")[0] for mail in pasted.values] == [
        *("ann", "bob", "cid", "Jo Ng <jo", "dan", "eve"),
    ]
    assert pasted.values[3]["body"] == "It is on its way."
    assert {mail["body"] for mail in pasted.values} == {"At noon?", "It is on its way."}


@pytest.mark.parametrize("program", sorted(PASTED_ALONE.keys() - {"apple quoted"}))
@pytest.mark.parametrize("word", ["Fwd", "RE", "WG"])
def test_what_a_mail_forwards_or_answers_stays_inside_and_is_told(program: str, word: str) -> None:
    outer = f"From: sam@example.com\nSubject: {word}: Your parcel\n\nLook at this."

    pasted = read_mails(f"{outer}\n\n{PASTED_ALONE[program]}\n\n{PLAIN}")

    assert [mail["from"] for mail in pasted.values] == ["sam@example.com"] * 2
    assert pasted.values[0]["body"].endswith("It is on its way.")
    assert len(pasted.notes) == 1
    assert pasted.notes[0].endswith(
        "the mail of line 1 forwards or quotes, so it stays part of it."
    )


def test_a_forward_right_below_a_text_belongs_to_it() -> None:
    pasted = read_mails(f"{PLAIN}\n{GMAIL}")

    assert len(pasted.values) == 1
    assert "Line 5" not in pasted.notes[0]
    assert "on line 5" in pasted.notes[0]


def test_prose_that_looks_like_a_german_header_is_none() -> None:
    pasted = read_mails(f"{PLAIN}\n\nAn: alle\n\nVon: mir\n\nSent: yesterday")

    assert len(pasted.values) == 1
    assert pasted.values[0]["body"].endswith("Sent: yesterday")


def test_a_screen_copy_without_headers_is_one_mail_with_a_note() -> None:
    pasted = read_mails("Jo Ng\nto me\n9:13 PM\n\nIt is on its way.\n\nJo")

    assert len(pasted.values) == 1
    assert pasted.values[0]["body"].startswith("Jo Ng")
    assert "No “From:” line" in pasted.notes[0]


# --- how long it takes ----------------------------------------------------------------------------

LONG = 60_000  # characters; read once for each of them, it would take thousands of times as long


def seconds(operation: str, name: str, text: str) -> float:
    shape, begun = shape_of(operation, name), time.process_time()
    pasting.read(shape, text)
    return time.process_time() - begun


@pytest.mark.parametrize(
    ("operation", "name", "text"),
    [
        ("email-classify", "emails", "!" * LONG + "\n" * LONG),
        ("email-classify", "emails", MAIL + "X: a\n" + " a\n" * (LONG // 3)),
        ("email-classify", "emails", f"From: a\nSubject: {'=?a?q?' * (LONG // 6)}"),
        ("email-classify", "emails", "Original message\n\n" * (LONG // 18)),
        ("email-classify", "emails", f"{MAIL}\n" + f"x\n{GMAIL}\n" * 300),
        ("email-classify", "emails", "From: a\nSubject: " + "re:" * (LONG // 3) + "\n\nx"),
        ("email-classify", "emails", "> From: a\n" + "> a: b\n" * (LONG // 7)),
        ("email-classify", "emails", f"From: a\nDate: {'1 jan ' * (LONG // 6)}\n\nx"),
        ("task-prioritize", "tasks", "".join(f"{n}||||{n + 1}\n" for n in range(LONG // 20))),
        ("calendar-time", "busy", f"a{' ' * LONG}b"),
        ("analytics-summary", "series", f"a|{'1' * LONG}x"),
        ("analytics-summary", "series", f"1,{'1' * LONG}x"),
    ],
)
def test_no_text_takes_longer_than_it_is_long(operation: str, name: str, text: str) -> None:
    plain = seconds("task-prioritize", "tasks", "A task | 2026-11-22\n" * (LONG // 20))

    assert seconds(operation, name, text) < 200 * plain  # a quadratic reading takes thousands
