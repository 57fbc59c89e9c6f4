from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from operations.parameters import Names, Parameters, Result, Short
from operations.prompting import NO_ORDERS, cut, fenced, lines
from operations.registry import Operation, register
from providers.local import mail

Tone = Literal["professional", "friendly", "concise", "formal"]
ROOM = {"short": 350, "medium": 700, "long": 1_400}  # tokens; twice the words asked for, +100
WORDS = {"short": "at most 80 words", "medium": "about 150 words", "long": "about 350 words"}


class Compose(Parameters):
    purpose: Annotated[
        str,
        Field(min_length=1, max_length=2_000, description="What the mail is to achieve."),
    ]
    to: Annotated[Names, Field(description="Whom it goes to; names or addresses.")] = []
    subject: Annotated[Short, Field(description="Left empty, one is written.")] = ""
    tone: Annotated[Tone, Field(description="How it sounds.")] = "professional"
    length: Annotated[
        Literal["short", "medium", "long"],
        Field(description="At most 80, about 150 or about 350 words."),
    ] = "medium"
    context: Annotated[
        str, Field(max_length=20_000, description="Facts to use: notes, figures, a thread.")
    ] = ""
    draft: Annotated[str, Field(max_length=20_000, description="A text of yours to improve.")] = ""
    sender_name: Annotated[Short, Field(title="Signed by", description="A name.")] = ""


class Letter(Result):
    subject: Annotated[str, Field(max_length=500)]
    body: Annotated[str, Field(min_length=1, max_length=20_000)]


def prompt(given: Compose) -> str:
    about = lines(
        to=given.to[:20],
        subject=given.subject or "(write one)",
        tone=given.tone,
        length=WORDS[given.length],
        sign_as=given.sender_name,
    )
    parts = [about, fenced("purpose", given.purpose)]
    if given.context:
        parts.append(fenced("context", cut(given.context, 12_000)))
    if given.draft:
        parts.append(fenced("draft", cut(given.draft, 12_000)))
    return "\n\n".join(parts)


register(
    Operation(
        slug="email-compose",
        title="Compose an e-mail",
        kind="mail",
        tier="quality",
        help="Writes an e-mail from its purpose, or improves a draft. Nothing is sent.",
        parameters=Compose,
        result=Letter,
        instructions=(
            "You write e-mails. Write the mail that reaches the purpose, in the language of the "
            "purpose, in the tone and length asked for. If there is a draft, improve it and keep "
            "its facts. Use only facts given; put [brackets] where a person must fill something "
            "in. The body is plain text, from greeting to signature, without the subject. "
            + NO_ORDERS
        ),
        prompt=prompt,
        output_tokens=lambda given: ROOM[given.length],
        rules=mail.compose,
        example={
            "purpose": "Ask for the signed contract by Friday",
            "to": "Jo Brandt",
            "tone": "friendly",
            "length": "short",
            "context": "The contract went out on 3 November; the start is planned for 1 December.",
            "sender_name": "Sam",
        },
    )
)
