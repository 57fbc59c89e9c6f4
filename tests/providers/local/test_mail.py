"""These mails were written for the tests; how the rules do on others' mail is in docs/local.md."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from providers.local import mail


def classify(**email: Any) -> dict[str, Any]:
    answer: dict[str, Any] = mail.classify({"emails": [{"id": "1", **email}]})["classifications"][0]
    return answer


@pytest.mark.parametrize(
    ("category", "sender", "subject", "body"),
    [
        ("urgent", "boss@corp.example", "Production is down",
         "The checkout is down since 9:40. Please fix ASAP, customers are affected."),
        ("urgent", "ceo@corp.example", "Need this today",
         "I need the board numbers by end of day. Urgent."),
        ("action", "Anna Meyer <anna@corp.example>", "Budget draft",
         "Hi Sam,\n\nPlease review the budget and send me your comments by Friday.\n\nAnna"),
        ("action", "hr@corp.example", "Action required: security training",
         "Please complete the training before 30 November."),
        ("meeting", "Lee <lee@corp.example>", "Sync next week?",
         "Hi Sam, can we meet on Tuesday at 10:00 to talk about the launch?"),
        ("meeting", "calendar@corp.example", "Invitation: Roadmap @ Mon 14:00",
         "BEGIN:VCALENDAR\nSUMMARY:Roadmap\nEND:VCALENDAR"),
        ("newsletter", "Weekly Bytes <newsletter@bytes.example>", "Weekly Bytes #213",
         "In this issue: new GPUs. View in browser. Unsubscribe"),
        ("newsletter", "news@shop.example", "Black Friday: up to 50% off everything!",
         "Free shipping on all orders. Limited time only. Unsubscribe | View in browser | "
         "Privacy policy"),
        ("receipt", "auto-confirm@shop.example", "Your order #112-3344",
         "Thank you for your order. Order total: $34.20. Estimated delivery: Friday."),
        ("receipt", "noreply@bank.example", "Your November statement is ready",
         "Your account statement is ready. Log in to view it."),
        ("personal", "Mum <mum@gmail.com>", "Sunday",
         "Hi love, are you coming for dinner on Sunday? Dad's birthday cake is waiting. Mum"),
        ("spam", "service@paypa1.example", "Your account has been suspended!",
         "Dear customer, verify your account within 24 hours to avoid suspension: "
         "http://192.168.3.4/login click here"),
        ("spam", "prince@freemail.example", "CONFIDENTIAL BUSINESS PROPOSAL",
         "Dear Sir, I am the son of the late president. I need your assistance to transfer the "
         "sum of 20 million US dollars."),
        ("other", "kim@corp.example", "Fwd: photo of the whiteboard", "See below."),
    ],
)  # fmt: skip
def test_plain_cases_are_told_apart(category: str, sender: str, subject: str, body: str) -> None:
    answer = classify(**{"from": sender, "subject": subject, "body": body})

    assert answer["category"] == category
    assert 0 <= answer["confidence"] <= 1
    assert len(answer["reason"]) > 10


def test_the_reason_names_the_signals_that_matched() -> None:
    answer = classify(subject="Server outage", body="The API is down. Please fix ASAP.")

    assert "“outage”" in answer["reason"]


def test_urgent_mail_has_the_highest_priority_and_spam_the_lowest() -> None:
    urgent = classify(subject="URGENT: site is down", body="Please call right away.")
    spam = classify(subject="FREE VIAGRA!!!", body="Click here! No prescription. Order now!!!")

    assert (urgent["priority"], spam["priority"]) == (5, 1)
    assert spam["category"] == "spam"


def test_quoted_text_does_not_decide() -> None:
    quoted = "Fine with me.\n\nOn Monday Bob wrote:\n> URGENT, the site is down, fix it ASAP!"

    assert classify(subject="Re: lunch menu", body=quoted)["category"] != "urgent"


def test_html_is_read_as_text() -> None:
    body = "<html><style>.urgent{}</style><body><p>Please <b>review</b> the plan.</p></body></html>"

    assert classify(subject="Plan", body=body)["category"] == "action"


def test_a_list_unsubscribe_header_speaks_for_a_newsletter() -> None:
    email = {"subject": "Our autumn range", "body": "Latest news from the shop. Read more."}

    without = classify(**email)
    known = classify(**email, headers={"List-Unsubscribe": "<mailto:x@y.example>"})

    assert known["category"] == "newsletter"
    assert known["confidence"] > without["confidence"] or without["category"] != "newsletter"


def test_every_mail_is_answered_in_the_order_given() -> None:
    answer = mail.classify({"emails": [{"id": n} for n in ("b", "a", "c")]})

    assert [entry["id"] for entry in answer["classifications"]] == ["b", "a", "c"]
    assert {entry["category"] for entry in answer["classifications"]} == {"other"}


@pytest.mark.parametrize(
    "body",
    [
        "<" * 50_000,
        "<a" * 30_000,
        "<!--" * 20_000,
        "\n" * 60_000 + "x",
        " \t" * 40_000,
        "a." * 40_000,
        "@" * 50_000,
        "a@" * 30_000,
        "mailto:" + "a" * 50_000,
        "mailto:" * 10_000,
        "$1" + "1,." * 30_000,
        "http://" * 10_000,
        "&amp" * 20_000,
        "> " * 40_000,
        "hi " * 30_000,
        "x" * 100_000,
    ],
    ids=lambda body: repr(body[:8]),
)
def test_hostile_bodies_are_read_in_linear_time(body: str) -> None:
    started = time.perf_counter()

    classify(**{"from": body[:3000], "subject": body[:3000], "body": body})
    mail.respond({"email": {"from": body, "subject": body, "body": body}, "intent": "answer"})
    mail.compose({"purpose": body, "to": body, "context": body, "draft": body})

    assert time.perf_counter() - started < 3


@pytest.mark.slow
def test_two_thousand_mails_take_seconds() -> None:
    body = "Hi Sam, please review the budget by Friday. " * 20
    emails = [{"id": str(n), "subject": f"Budget {n}", "body": body} for n in range(2_000)]
    started = time.perf_counter()

    answer = mail.classify({"emails": emails})

    assert len(answer["classifications"]) == 2_000
    assert time.perf_counter() - started < 30  # some 2 s on an idle core


def test_without_any_signal_it_is_not_sure() -> None:
    answer = classify(**{"from": "kim@corp.example", "subject": "Whiteboard", "body": "See below."})

    assert answer["category"] == "other"
    assert 0 < answer["confidence"] <= 0.3
    assert "little to go by" in answer["reason"]


@pytest.mark.parametrize(
    ("subject", "body", "quoted"),
    [
        ("Your order #1234", "Total paid: 20 EUR. Your invoice is attached.", "order #1234"),
        ("Thanks", "We got order 77 and your payment. Invoice attached.", "order 77"),
    ],
)
def test_a_reason_quotes_what_the_mail_says(subject: str, body: str, quoted: str) -> None:
    answer = classify(**{"from": "shop@shop.example", "subject": subject, "body": body})

    text = f"{subject}\n{body}".lower()
    quotations = re.findall("“([^”]+)”", answer["reason"])
    assert answer["category"] == "receipt"
    assert quoted in quotations
    assert all(each.lower() in text or each == "shop" for each in quotations)
