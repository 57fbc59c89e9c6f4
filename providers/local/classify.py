"""What kind of mail it is: evidence from sender, subject, words, structure and headers."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from providers.local.phrases import THEMES, Finder
from providers.local.words import (
    HTML_MARK,
    LONGEST_REASON,
    joined,
    one_line,
    own_text,
    plain,
    text_of,
    word_set,
    words,
)

SPAM_LIMIT = 3.8  # points of spam less points against it
CATEGORY_LIMIT = 1.6  # less evidence than this for a category, and it is "other"
RIVAL_SHARE = 0.5
LEFT_OVER = 0.3  # how sure “other” is at most: nothing speaks for it, only too little for the rest
LONG_MAIL = 400  # words; beyond it chance finds more phrases, so each counts less
SHORT_MAIL = 80  # the same for what a mail wants, which a short one says at once
MOST_WORDS = 3000  # of a body; what a mail is shows in its beginning
MOST_QUOTED = 20_000  # characters of a body in which a quotation is looked for
NAMED = 3  # signals named in a reason
PRIORITY = {
    "urgent": 5, "action": 4, "meeting": 4, "personal": 3, "other": 3,
    "receipt": 2, "newsletter": 1, "spam": 1,
}  # fmt: skip
FREE_MAIL = word_set(
    "gmail.com googlemail.com hotmail.com outlook.com live.com yahoo.com yahoo.co.uk aol.com "
    "icloud.com me.com gmx.de gmx.net web.de mail.com proton.me protonmail.com msn.com"
)
BULK_SENDERS = word_set(
    "newsletter newsletters news update updates digest subscription subscriptions marketing editor "
    "daily weekly announce bulletin headlines promo offers"
)
ROBOTS = word_set(
    "noreply no-reply donotreply do-not-reply no_reply notification mailer automated robot bounce "
    "alert billing orders receipts confirm"
)
RECEIPT_SENDERS = word_set(
    "billing orders order receipt invoice payment booking reservation confirm shipping shipment "
    "delivery"
)
_REPLY = re.compile(r"^\s{0,5}(?:re|aw|sv|fwd?|antw|wg)(?:\[\d{1,3}\])?\s{0,3}:", re.IGNORECASE)
_MONEY = re.compile(r"[$€£]\s?\d|\b\d[\d,.]{0,12}\s?(?:usd|eur|gbp|dollars)\b", re.IGNORECASE)
_LINK = re.compile(r"https?://([^\s\"'<>/?#]{1,200})", re.IGNORECASE)
_IP_HOST = re.compile(r"^(?:[^@]{0,100}@)?\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?$|^\d{8,12}$")
_PADDED_SUBJECT = re.compile(r"\S {5,80}\S{1,30}\s{0,3}$|\t")
_SPLIT_WORD = re.compile(r"[a-zA-Z]<!--?[^>]{0,40}>[a-zA-Z]|[a-zA-Z]</?[a-z]{6,20}>[a-z]")
_REMOVE_LINK = re.compile(
    r"mailto:[^\s\"'>?]{1,120}\?subject=[^\s\"'>]{0,20}(?:remove|off|delete)", re.IGNORECASE
)
_CLOCK = re.compile(
    r"\b(?:[01]?\d|2[0-3])[:.][0-5]\d\b|\b(?:1[0-2]|[1-9])\s?(?:am|pm)\b", re.IGNORECASE
)
_DAY = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|tomorrow|today|tonight|next week)\b",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"^\s{0,5}(?:hi|hello|hey|dear|hiya)\s{1,3}(?!(?:all|friend|sir|customer|user|member|"
    r"valued|everyone|there|list|folks)\b)[A-Z][a-z]{1,20}\b(?:\s[A-Z][a-z]{1,20})?\s?[,!.\n-]",
    re.MULTILINE,
)
_ADDRESS = re.compile(r"[^\s<>@\"]{1,100}@[^\s<>@\"]{1,150}")
_LIST_TAG = re.compile(r"^(?:[^\[\]]{0,12}:\s)?\[[^\[\]]{1,40}\]\s")
_ADV = re.compile(r"^\s{0,3}\W{0,3}adv\W", re.IGNORECASE)


@dataclass(slots=True)
class Mail:
    """A mail taken apart once for all the signals."""

    sender: str
    local: str
    domain: str
    subject: str
    raw: str
    text: str
    own: str
    headers: Mapping[str, str]
    is_html: bool
    is_reply: bool
    hosts: list[str]


@dataclass(slots=True)
class Evidence:
    points: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    reasons: defaultdict[str, list[tuple[float, str]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, category: str, points: float, reason: str) -> None:
        self.points[category] += points
        self.reasons[category].append((points, reason))


_finder = Finder(THEMES)


def classify(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return a category for every mail, in the order given, with the signals that decided."""
    emails = parameters.get("emails")
    return {
        "classifications": [
            _classified(email)
            for email in (emails if isinstance(emails, list | tuple) else ())
            if isinstance(email, Mapping)
        ]
    }


def _classified(email: Mapping[str, Any]) -> dict[str, Any]:
    mail = read(email)
    evidence = Evidence()
    _from_phrases(mail, evidence)
    for signal in SIGNALS:
        signal(mail, evidence)
    category, confidence = _decide(evidence.points)
    return {
        "id": email.get("id"),
        "category": category,
        "priority": _priority(category, evidence.points),
        "confidence": round(confidence, 2),
        "reason": _reason(category, evidence),
    }


def read(email: Mapping[str, Any]) -> Mail:
    """Take a mail apart."""
    raw = text_of(email.get("body"))[:100_000]
    text = plain(raw)
    sender = " ".join(text_of(email.get("from"))[:400].split())
    found = _ADDRESS.search(sender)
    local, _, domain = (found.group() if found else "").lower().partition("@")
    subject = text_of(email.get("subject"))[:500]
    headers = email.get("headers")
    return Mail(
        sender=sender,
        local=local,
        domain=domain,
        subject=subject,
        raw=raw,
        text=text,
        own=own_text(text),
        headers={
            str(name).lower(): text_of(value)[:500] for name, value in headers.items()
        } if isinstance(headers, Mapping) else {},
        is_html=HTML_MARK.search(raw[:20_000]) is not None,
        is_reply=_REPLY.match(subject) is not None,
        hosts=[match[1].lower() for match in islice(_LINK.finditer(raw[:50_000]), 200)],
    )  # fmt: skip


def _decide(points: Mapping[str, float]) -> tuple[str, float]:
    """Return the category with most evidence and how sure that is, as a share of 1."""
    spam = points["spam"] - points["ham"]
    for rival in ("receipt", "newsletter"):  # both sell and count money, honestly
        spam -= RIVAL_SHARE * max(points[rival] - CATEGORY_LIMIT, 0)
    if spam >= SPAM_LIMIT:
        return "spam", 0.5 + 0.49 * (1 - math.exp(-(spam - SPAM_LIMIT + 0.4) / 2.5))
    ranked = sorted(
        ((points[name], name) for name in PRIORITY if name not in {"spam", "other"}), reverse=True
    )
    best, name = ranked[0]
    doubt = 0.6 if spam < SPAM_LIMIT / 2 else 0.85  # nearly spam: less sure of all else
    if best < CATEGORY_LIMIT:
        return "other", LEFT_OVER * (1 - max(best, 0.0) / CATEGORY_LIMIT / 2)
    margin = best - max(ranked[1][0], CATEGORY_LIMIT / 2)
    return name, 0.4 + 0.55 * (1 - math.exp(-max(margin, 0.0) / 2)) * (1.6 - doubt)


def _priority(category: str, points: Mapping[str, float]) -> int:
    priority = PRIORITY[category]
    if category in {"meeting", "personal", "other", "receipt"} and points["urgent"] >= 2:
        priority += 1
    if category in {"personal", "other"} and points["action"] >= CATEGORY_LIMIT / 2:
        priority += 1
    if category == "other" and points["newsletter"] >= CATEGORY_LIMIT / 2:
        priority -= 1
    return min(max(priority, 1), 5)


def _reason(category: str, evidence: Evidence) -> str:
    if category == "other":
        strongest = max(evidence.points.items(), key=lambda item: item[1], default=("", 0.0))
        if strongest[1] <= 0 or strongest[0] == "ham":
            return "No signal of any category was found: there is little to go by."
        return f"There is little to go by; most of it speaks for {strongest[0]}."
    signals = sorted(evidence.reasons[category], key=lambda signal: -signal[0])
    told = joined(reason for _, reason in signals[:NAMED])
    more = len(signals) - NAMED
    text = f"{told[:1].upper()}{told[1:]}{f', and {more} more' if more > 0 else ''}."
    return one_line(text, LONGEST_REASON)


def _from_phrases(mail: Mail, evidence: Evidence) -> None:
    subject = [word.replace("\u2019", "'") for word in words(mail.subject)]
    body = [word.replace("\u2019", "'") for word in islice(words(mail.own), MOST_WORDS)]
    found: dict[int, dict[str, str]] = {}  # by theme: phrases, and the words that are there
    in_subject: set[int] = set()
    for number, phrase, there in _finder.find(subject):
        found.setdefault(number, {}).setdefault(phrase, there)
        in_subject.add(number)
    for number, phrase, there in _finder.find(body):
        found.setdefault(number, {}).setdefault(phrase, there)
    length = max(len(body), 1)
    for number, phrases in found.items():
        theme = THEMES[number]
        points = theme.points * 2 * (1 - 0.5 ** len(phrases))
        if theme.category in {"spam", "ham"}:
            points *= min(LONG_MAIL / length, 1.0) ** 0.4
        elif number not in in_subject:
            points *= min(SHORT_MAIL / length, 1.0) ** 0.4
        if number in in_subject:
            points += theme.points * (theme.in_subject - 1)
        quoted = ", ".join(f"“{_as_written(each, mail)}”" for each in islice(phrases.values(), 2))
        evidence.add(theme.category, points, f"{theme.reason} ({quoted})")


def _as_written(there: str, mail: Mail) -> str:
    """Return words as the mail has them, with the mark before a number: “order #1234”."""
    if not any(map(str.isdigit, there)):
        return there
    pattern = r"[\W_]{1,9}".join(map(re.escape, there.split()))
    found = re.search(pattern, f"{mail.subject}\n{mail.own[:MOST_QUOTED]}", re.IGNORECASE)
    return one_line(found.group(), 60) if found else there


# --- signals beyond words -----------------------------------------------------------------------


def _sender(mail: Mail, evidence: Evidence) -> None:
    if BULK_SENDERS.intersection(words(mail.local)):
        evidence.add("newsletter", 1.2, f"a sender called “{mail.local[:30]}”")
        evidence.add("ham", 1.2, "a newsletter's sender")
    if any(name in mail.local for name in RECEIPT_SENDERS):
        evidence.add("receipt", 1.2, f"a sender called “{mail.local[:30]}”")
    if any(name in mail.local for name in ROBOTS):
        evidence.add("personal", -2.0, "an automatic sender")
        evidence.add("action", -0.6, "an automatic sender")
    elif mail.domain in FREE_MAIL and not mail.is_html:
        evidence.add("personal", 0.5, "a private address")
    if sum(character.isdigit() for character in mail.local) >= 3:
        evidence.add("spam", 0.4, "a sender's name full of digits")
    if not mail.local:
        evidence.add("spam", 0.5, "no readable sender")


def _subject(mail: Mail, evidence: Evidence) -> None:
    subject = mail.subject.strip()
    letters = [character for character in subject if character.isalpha()]
    if len(letters) >= 8 and sum(map(str.isupper, letters)) > 0.6 * len(letters):
        evidence.add("spam", 1.2, "a subject in capitals")
    if "!" in subject:
        loud = 1.3 if subject.count("!") > 1 else 1.0
        evidence.add("spam", loud, "exclamation marks in the subject")
    if _MONEY.search(subject) or "$" in subject or "%" in subject:
        evidence.add("spam", 0.7, "money or percents in the subject")
    if _ADV.match(subject):
        evidence.add("spam", 3.5, "a subject marked as advertising")
    if _PADDED_SUBJECT.search(mail.subject):
        evidence.add("spam", 2.6, "a subject padded with odd characters")
    tag = _LIST_TAG.search(subject)
    if tag and "/" not in tag.group():  # [owner/repository] is work for one person
        evidence.add("ham", 1.0, "the tag of a list in the subject")
        for category in ("urgent", "action", "personal"):  # it is not addressed to one person
            evidence.add(category, -0.7, "the tag of a list in the subject")
    if "?" in subject and not mail.is_html:
        evidence.add("action", 0.4, "a question in the subject")


def _conversation(mail: Mail, evidence: Evidence) -> None:
    if mail.is_reply:
        evidence.add("ham", 1.2, "a reply or forward")
        evidence.add("newsletter", -1.0, "a reply or forward")
    quoted = len(mail.text) - len(mail.own)
    if quoted > 40 and ("\n>" in mail.text or "wrote:" in mail.text):
        evidence.add("ham", 2.2, "quotes an earlier mail")
    if "\n-- \n" in mail.raw or "\n--\n" in mail.raw.replace("\r", ""):
        evidence.add("ham", 1.1, "a signature")
    asked = min(mail.own.count("?"), 3)
    if asked and not mail.is_html:
        evidence.add("ham", 0.3 * asked, "questions")
    if asked and not mail.is_html and len(mail.own) < 3000:
        evidence.add("action", 0.25 * asked, "questions to the reader")
    if _GREETING.search(mail.own[:400]):
        evidence.add("ham", 0.5, "a greeting by name")
        evidence.add("personal", 0.7, "a greeting by name")
        evidence.add("action", 0.3, "a greeting by name")


def _shape(mail: Mail, evidence: Evidence) -> None:
    letters = sum(map(str.isalpha, mail.own[:5000]))
    capitals = sum(map(str.isupper, mail.own[:5000]))
    if letters > 200 and capitals > 0.2 * letters:
        evidence.add("spam", 1.4, "many capitals")
    exclamations = mail.own[:5000].count("!")
    if exclamations >= 4:
        evidence.add("spam", 1.3 if exclamations >= 8 else 0.8, "many exclamation marks")
    sums = sum(1 for _ in islice(_MONEY.finditer(mail.own[:8000]), 8))
    if sums >= 3:
        evidence.add("spam", 0.5 if sums >= 8 else 0.2, "many sums of money")
    if len(mail.own) < 1500 and not mail.hosts and not mail.is_html and letters > 20:
        evidence.add("ham", 0.6, "short plain text without a link")
        evidence.add("personal", 0.5, "short plain text without a link")
    if len(mail.hosts) >= 6:
        evidence.add("newsletter", 0.8 if len(mail.hosts) < 15 else 1.4, "many links")
    if len(set(mail.hosts)) >= 8:
        evidence.add("ham", 0.8, "links to many places")


def _markup(mail: Mail, evidence: Evidence) -> None:
    if not mail.is_html:
        return
    evidence.add("spam", 0.7, "a body in HTML")
    evidence.add("newsletter", 0.3, "a body in HTML")
    evidence.add("personal", -0.5, "a body in HTML")
    lowered = mail.raw[:50_000].lower()
    if len(mail.own) < 200 and "<img" in lowered:
        evidence.add("spam", 1.8, "pictures and hardly any text")
    if _SPLIT_WORD.search(mail.raw[:50_000]):
        evidence.add("spam", 1.5, "words cut apart by hidden markup")


def _links(mail: Mail, evidence: Evidence) -> None:
    if any(_IP_HOST.match(host) for host in mail.hosts):
        evidence.add("spam", 2.4, "a link to a bare number instead of a name")
    elif any("@" in host or "%" in host for host in mail.hosts):
        evidence.add("spam", 1.8, "a disguised link")
    if _REMOVE_LINK.search(mail.raw[:50_000]):
        evidence.add("spam", 1.5, "an address to be removed at")
    near = mail.domain.split(".")[-2:]
    if len(near) == 2 and any(host.endswith(".".join(near)) for host in mail.hosts):
        evidence.add("ham", 0.7, "links to the sender's own site")


def _appointment(mail: Mail, evidence: Evidence) -> None:
    if "BEGIN:VCALENDAR" in mail.raw or "text/calendar" in mail.headers.get("content-type", ""):
        evidence.add("meeting", 4.0, "a calendar entry")
    text = f"{mail.subject}\n{mail.own[:2000]}"
    if _CLOCK.search(text) and _DAY.search(text) and len(mail.own) < 2500:
        evidence.add("meeting", 0.9, "a day and a time")


def _headers(mail: Mail, evidence: Evidence) -> None:
    headers = mail.headers
    if headers.get("list-unsubscribe"):
        evidence.add("newsletter", 1.2, "a List-Unsubscribe header")
    if headers.get("list-id") or headers.get("list-post"):
        evidence.add("ham", 1.0, "sent by a mailing list")
    if headers.get("in-reply-to") or headers.get("references"):
        evidence.add("ham", 1.5, "part of a thread")
        evidence.add("newsletter", -1.0, "part of a thread")
    if headers.get("precedence", "").lower() in {"bulk", "list", "junk"}:
        evidence.add("newsletter", 0.5, "sent in bulk")
    if headers.get("x-priority", "").startswith("1") or (
        headers.get("importance", "").lower() == "high"
    ):
        evidence.add("urgent", 0.8, "marked as important by its sender")
    if headers.get("auto-submitted", "no").lower() not in {"", "no"}:
        evidence.add("personal", -2.0, "sent automatically")


SIGNALS: tuple[Callable[[Mail, Evidence], None], ...] = (
    _sender, _subject, _conversation, _shape, _markup, _links, _appointment, _headers,
)  # fmt: skip
