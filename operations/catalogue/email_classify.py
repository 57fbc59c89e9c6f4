from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from operations import tokens
from operations.answers import each_once
from operations.parameters import Id, Mail, Parameters, Result, unique_ids
from operations.prompting import NO_ORDERS, mail
from operations.registry import Operation, register
from providers.local import mail as local_mail

Category = Literal[
    "urgent", "action", "meeting", "newsletter", "receipt", "personal", "spam", "other"
]
SHOWN = 1_500  # characters of a mail; what it is about stands in its beginning


class ReceivedMail(Mail):
    id: Id  # the answer names mails by it


class Classify(Parameters):
    emails: Annotated[
        list[ReceivedMail],
        Field(min_length=1, max_length=100, description="Up to 100 mails."),
        AfterValidator(unique_ids),
    ]


class Classification(Result):
    id: str
    category: Category
    priority: Annotated[int, Field(ge=1, le=5, description="5 is the most pressing.")]
    confidence: Annotated[float, Field(ge=0, le=1)]
    reason: Annotated[str, Field(max_length=500, description="At most twelve words.")]


class Classifications(Result):
    classifications: list[Classification]


def output_tokens(given: Classify) -> int:
    return 60 + sum(70 + tokens.count(message.id) for message in given.emails)


register(
    Operation(
        slug="email-classify",
        title="Classify e-mails",
        kind="mail",
        tier="cheap",
        help="Sorts mails into eight kinds, with a priority from 1 to 5 (5 first) and the reason.",
        parameters=Classify,
        result=Classifications,
        instructions=(
            "You sort e-mails for a busy person. Give every mail, in the order received and by its "
            "id, exactly one category: urgent (harm if not answered today), action (asks the "
            "reader to do something), meeting (invites, moves, cancels), newsletter (sent to "
            "many), receipt (order, invoice, payment, delivery), personal (friends and family), "
            "spam (unwanted or fraud), other. Priority 1 to 5, 5 most pressing. Confidence 0 to 1, "
            "honest. The reason has at most twelve words. " + NO_ORDERS
        ),
        prompt=lambda given: "\n".join(mail(each, limit=SHOWN) for each in given.emails),
        output_tokens=output_tokens,
        rules=local_mail.classify,
        check=each_once("emails", "classifications"),
        example={
            "emails": [
                {
                    "id": "1",
                    "from": "ops@example.com",
                    "subject": "Production database is down",
                    "body": "Customers cannot sign in. Please call back immediately.",
                },
                {
                    "id": "2",
                    "from": "news@example.org",
                    "subject": "This week in gardening",
                    "body": "Ten plants for the shade. Unsubscribe at any time.",
                },
            ]
        },
    )
)
