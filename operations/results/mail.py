from __future__ import annotations

from dataclasses import dataclass

from operations.catalogue.email_classify import Classifications
from operations.catalogue.email_compose import Letter
from operations.results.given import Given, text_of, texts_of

TONES = {
    "urgent": "danger",
    "action": "warning",
    "meeting": "info",
    "personal": "success",
}


@dataclass(frozen=True, slots=True)
class ShownLetter:
    to: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class ClassifiedMail:
    id: str
    sender: str
    subject: str
    category: str
    tone: str
    priority: int
    confidence: float
    reason: str


def composed(result: Letter, given: Given) -> ShownLetter:
    to = ", ".join(texts_of(given.parameters.get("to")))
    return ShownLetter(to, result.subject, result.body)


def answer(result: Letter, given: Given) -> ShownLetter:
    email = given.parameters.get("email")
    sender = text_of(email.get("from")) if isinstance(email, dict) else ""
    return ShownLetter(sender, result.subject, result.body)


def classifications(result: Classifications, given: Given) -> list[ClassifiedMail]:
    """Return the mails, the most pressing first; else in the order they came."""
    mails = given.by_id("emails")
    shown = []
    for each in sorted(result.classifications, key=lambda each: -each.priority):
        mail = mails.get(each.id, {})
        shown.append(
            ClassifiedMail(
                id=each.id,
                sender=text_of(mail.get("from")),
                subject=text_of(mail.get("subject")),
                category=each.category,
                tone=TONES.get(each.category, "neutral"),
                priority=each.priority,
                confidence=each.confidence,
                reason=each.reason,
            )
        )
    return shown
