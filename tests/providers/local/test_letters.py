from __future__ import annotations

from typing import Any

import pytest

from providers.local import mail


def compose(purpose: str, **more: Any) -> dict[str, Any]:
    return mail.compose({"purpose": purpose, **more})


def respond(intent: str, **more: Any) -> dict[str, Any]:
    email = {
        "from": "Lee Park <lee@corp.example>",
        "subject": "Launch plan",
        "body": "Hi Sam,\n\nThe launch is on 3 December. Could you send me the final copy by "
        "Friday? Also, who talks to the press?\n\nBest,\nLee",
    }
    return mail.respond({"email": email, "intent": intent, **more})


@pytest.mark.parametrize(
    ("purpose", "subject"),
    [
        ("Ask Anna for the Q3 numbers", "Request: Q3 numbers"),
        ("remind Bob about unpaid invoice 4411", "Reminder: unpaid invoice 4411"),
        ("decline the invitation to speak", "Invitation to speak"),
        ("Follow up on our proposal", "Following up: our proposal"),
        ("apologize for the late delivery", "Apology: late delivery"),
    ],
)
def test_the_purpose_decides_the_kind_of_letter(purpose: str, subject: str) -> None:
    assert compose(purpose, to=["Anna", "Bob"])["subject"] == subject


def test_a_given_subject_is_kept() -> None:
    assert compose("ask for help", subject="Help, please")["subject"] == "Help, please"


@pytest.mark.parametrize(
    ("tone", "greeting", "closing"),
    [
        ("professional", "Hello Anna,", "Kind regards,"),
        ("friendly", "Hi Anna,", "Best wishes,"),
        ("concise", "Anna,", "Thanks,"),
        ("formal", "Dear Anna Meyer,", "Yours sincerely,"),
    ],
)
def test_the_tone_decides_greeting_and_closing(tone: str, greeting: str, closing: str) -> None:
    body = compose("ask for help", to="Anna Meyer <anna@x.example>", tone=tone)["body"]

    assert body.startswith(f"{greeting}\n")
    assert f"\n{closing}\n" in body


def test_facts_come_from_the_context_and_blanks_are_bracketed() -> None:
    with_facts = compose("remind Bob of the invoice", context="Invoice 4411 was due on 1 May.")
    without = compose("remind Bob of the invoice")

    assert "Invoice 4411 was due on 1 May." in with_facts["body"]
    assert "[what is outstanding and since when]" in without["body"]
    assert "[Your name]" in without["body"]


def test_no_figure_or_date_is_made_up() -> None:
    body = compose("invite the team to the summer party", length="long")["body"]

    assert not any(character.isdigit() for character in body)


def test_longer_letters_are_longer() -> None:
    context = "One fact. Second fact. Third fact. Fourth fact. Fifth fact. Sixth fact. Seventh."

    sizes = [
        len(compose("ask for help", context=context, length=length)["body"])
        for length in ("short", "medium", "long")
    ]

    assert sizes == sorted(set(sizes))


def test_a_draft_is_kept_and_framed_once() -> None:
    answer = compose(
        "follow up", draft="Hi Bob,\n\nhow is the contract going?\n\nBest\nSam", sender_name="Sam"
    )

    assert answer["body"] == "Hello,\n\nhow is the contract going?\n\nKind regards,\nSam"


def test_a_draft_that_is_too_long_says_that_it_was_cut() -> None:
    body = compose("x", draft="word " * 8000)["body"]

    assert "[The rest of the draft.]" in body
    assert len(body) <= 20_000


def test_a_reply_keeps_one_re_and_greets_by_name() -> None:
    answer = respond("acknowledge")

    assert answer["subject"] == "Re: Launch plan"
    assert answer["body"].startswith("Hello Lee,")
    assert mail.respond({"email": {"subject": "RE: x"}})["subject"] == "RE: x"


def test_an_acknowledgement_lists_requests_and_dates() -> None:
    body = respond("acknowledge")["body"]

    assert "noted 3 December and Friday" in body
    assert "- Could you send me the final copy by Friday?" in body
    assert "- Also, who talks to the press?" in body


def test_accepting_says_yes_to_requests_and_leaves_open_questions_open() -> None:
    body = respond("accept")["body"]

    assert "final copy by Friday?”: yes, gladly." in body
    assert "who talks to the press?”: [Your answer.]" in body


def test_declining_says_no_and_leaves_the_reason_blank() -> None:
    body = respond("decline")["body"]

    assert "I have to say no" in body
    assert "[The reason" in body


def test_instructions_replace_the_blanks() -> None:
    body = respond("answer", instructions="Copy will come Thursday")["body"]

    assert "Copy will come Thursday." in body
    assert "[Your answer.]" not in body


def test_the_quoted_history_of_a_mail_is_not_answered() -> None:
    email = {"subject": "x", "body": "Thanks!\n\nOn Monday Bob wrote:\n> Could you pay me?"}

    assert "pay me" not in mail.respond({"email": email, "intent": "accept"})["body"]


def test_facts_that_do_not_fit_the_length_are_counted_and_not_silently_lost() -> None:
    body = compose("ask for help", context="One. Two. Three. Four.", length="short")["body"]

    assert "One. Two." in body
    assert "[2 more facts of the context, left out of a short mail.]" in body


def test_a_greeting_in_front_of_a_request_is_not_quoted() -> None:
    email = {"subject": "Demo?", "body": "Hi Sam, could you show us the new dashboard?"}

    body = mail.respond({"email": email, "intent": "accept"})["body"]

    assert "You asked “Could you show us the new dashboard?”: yes, gladly." in body
