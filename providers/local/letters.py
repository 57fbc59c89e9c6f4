"""First drafts of letters: a frame for the purpose, filled with facts that were given.

Nothing is made up: what is not given and is needed stands as a blank in [brackets].
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from email.utils import parseaddr
from itertools import islice
from typing import Any

from providers.local.letter_kinds import GENERAL, PREAMBLE, PURPOSES, TONES, Purpose, Tone
from providers.local.words import (
    capital,
    counted,
    joined,
    one_line,
    own_text,
    plain,
    strings_of,
    text_of,
    words,
)

LONGEST_DRAFT = 19_000  # characters; with its frame a body stays within 20,000
MOST_FACTS = {"short": 2, "medium": 6, "long": 12}
_REPLY = re.compile(r"^\s{0,5}(?:re|aw|sv)\s{0,3}:", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"“(])|\n+")
_BULLET = re.compile(r"^\s{0,10}(?:[-*•]|\d{1,2}[.)])\s{1,5}")
_GREETING = re.compile(
    r"^(?:hi|hello|hey|dear|good (?:morning|afternoon|evening))\b[^.?]{0,60}$", re.I
)
_SALUTATION = re.compile(r"^(?:hi|hello|hey|dear)(?: \w{1,30}){0,2}, (?=\S)", re.IGNORECASE)
_CLOSING = re.compile(
    r"^(?:(?:best|kind|warm|many|with) )?(?:regards|wishes|thanks|thank you|cheers|best|sincerely|"
    r"love|yours(?: \w{1,12})?)[,.!]?$",
    re.IGNORECASE,
)
_PREPOSITION = re.compile(r"^(?:on|by|until|before) ", re.IGNORECASE)
_OPEN_QUESTION = re.compile(
    r"^(?:\w{1,10},? ){0,2}(?:who|whom|whose|what|when|where|why|how|which)\b", re.IGNORECASE
)
_WHEN = re.compile(
    r"\b(?:(?:on |by |until |before |next |this )?(?:mon|tues|wednes|thurs|fri|satur|sun)day"
    r"(?:,? (?:at )?\d{1,2}(?::\d\d)?\s?(?:am|pm|h)?\b)?"
    r"|\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d)?"
    r"|\d{1,2}(?:st|nd|rd|th)?\.? (?:january|february|march|april|may|june|july|august|september|"
    r"october|november|december)(?: \d{4})?"
    r"|(?:january|february|march|april|may|june|july|august|september|october|november|december) "
    r"\d{1,2}(?:, \d{4})?"
    r"|(?:today|tomorrow|tonight|next week|end of (?:day|week|month))(?: at \d{1,2}(?::\d\d)?)?)",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"\?\s*$|\b(?:please|could you|can you|would you|will you|let me know|need you to|"
    r"waiting for|send (?:me|us)|i'd like you to)\b",
    re.IGNORECASE,
)


def compose(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return a draft of a mail for `purpose`; `draft`, if given, is kept and only framed."""
    purpose_text = one_line(parameters.get("purpose"), 300)
    names = [_name(recipient) for recipient in strings_of(parameters.get("to"))]
    tone, length = _tone(parameters), _length(parameters)
    purpose = _purpose_for(purpose_text)
    topic = _topic(purpose_text, names)
    draft = plain(parameters.get("draft"), LONGEST_DRAFT + 1)
    if len(draft) > LONGEST_DRAFT:
        draft = f"{draft[:LONGEST_DRAFT].rstrip()} […]\n\n[The rest of the draft.]"
    told = _sentences(plain(parameters.get("context")))
    facts = told[: MOST_FACTS[length]]
    if len(told) > len(facts):
        left_out = counted(len(told) - len(facts), "more fact")
        facts.append(f"[{left_out} of the context, left out of a {length} mail.]")
    if draft:
        middle = [_without_frame(draft)]
    else:
        middle = _composed(purpose, topic, facts, tone, length)
    subject = one_line(parameters.get("subject"), 200) or _subject(purpose, topic)
    return {
        "subject": subject,
        "body": _framed(middle, _greeting(tone, names), tone, parameters.get("sender_name")),
    }


def _composed(
    purpose: Purpose, topic: str, facts: Sequence[str], tone: Tone, length: str
) -> list[str]:
    topic = topic or "[what it is about]"
    opening = purpose.opening.format(topic=topic, thanks=tone.thanks)
    if length == "short" and tone is TONES["concise"]:
        opening = f"{capital(purpose.name)}: {topic}."
    paragraphs = [opening]
    blanks = [] if facts else list(purpose.needs)
    if len(facts) > 2 and length != "short":
        paragraphs.append("\n".join(f"- {_ended(fact)}" for fact in facts))
    elif facts:
        paragraphs.append(" ".join(_ended(fact) for fact in facts))
    elif blanks:
        paragraphs.append(" ".join(f"{capital(blank)}" for blank in blanks))
    if length == "long" and not facts and not blanks:
        paragraphs.append("[Background in two or three sentences.]")
    if purpose.request:
        when = next((match.group() for fact in facts if (match := _WHEN.search(fact))), "")
        request = purpose.request
        if when and "[date]" in request:
            request = request.replace(" by [date]", "")  # the facts above already name a time
        end = "?" if tone.please.startswith("Could") else "."
        paragraphs.append(f"{tone.please} {request.rstrip('.')}{end}")
    if purpose.ending and length != "short":
        paragraphs.append(purpose.ending)
    if length == "long":
        paragraphs.append("If anything is unclear or missing, please tell me.")
    return paragraphs


def respond(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return a draft of a reply that takes up each request and date of the mail."""
    email = parameters.get("email")
    email = email if isinstance(email, Mapping) else {}
    subject = one_line(email.get("subject"), 200)
    sender = text_of(email.get("from"))
    body = own_text(plain(email.get("body")))
    sentences = _sentences(body)
    asks = [sentence for sentence in sentences if _ASKING.search(sentence)][:4]
    found = (_PREPOSITION.sub("", match.group()) for match in _WHEN.finditer(body[:5000]))
    dates = list(dict.fromkeys(islice(found, 3)))
    tone = _tone(parameters)
    instructions = _sentences(plain(parameters.get("instructions")), longest=5000)
    intent = parameters.get("intent")
    write = INTENTS.get(intent if isinstance(intent, str) else "", _acknowledge)
    topic = _REPLY.sub("", subject).strip() or "your mail"
    middle = write(tone, topic, asks, dates)
    if instructions:  # what the person wants said replaces the blanks
        middle = [paragraph for paragraph in middle if "[Your" not in paragraph]
        middle = [paragraph for paragraph in middle if not paragraph.startswith("[")]
        middle.insert(1, " ".join(_ended(sentence) for sentence in instructions))
    name = _name(sender) if sender else ""
    return {
        "subject": subject if _REPLY.match(subject) else f"Re: {subject}".strip(),
        "body": _framed(
            middle, _greeting(tone, [name] if name else []), tone, parameters.get("sender_name")
        ),
    }


def _accept(tone: Tone, topic: str, asks: Sequence[str], dates: Sequence[str]) -> list[str]:
    text = f"{tone.thanks} for your mail about “{topic}”. I am glad to say yes."
    if dates:
        text += f" I have noted {joined(dates)}."
    return [
        text,
        *(
            f"You asked “{one_line(ask, 160)}”: "
            f"{'[Your answer.]' if _OPEN_QUESTION.match(ask) else 'yes, gladly.'}"
            for ask in asks
        ),
    ]


def _decline(tone: Tone, topic: str, asks: Sequence[str], dates: Sequence[str]) -> list[str]:
    text = f"{tone.thanks} for your mail about “{topic}”. I am afraid that I have to say no."
    return [text, "[The reason, or another proposal, if you want to give one.]"]


def _ask(tone: Tone, topic: str, asks: Sequence[str], dates: Sequence[str]) -> list[str]:
    return [
        f"{tone.thanks} for your mail about “{topic}”. Before I can answer, I need to know "
        "a little more:",
        "[Your question.]",
        *([f"This concerns your point “{one_line(asks[0], 160)}”"] if asks else []),
    ]


def _acknowledge(tone: Tone, topic: str, asks: Sequence[str], dates: Sequence[str]) -> list[str]:
    text = f"{tone.thanks} for your mail about “{topic}”. I have received it"
    text += f" and noted {joined(dates)}." if dates else "."
    follow = "I will come back to you about this by [date]." if asks else ""
    points = [f"- {one_line(ask, 160)}" for ask in asks]
    listed = ["What I understood you need:\n" + "\n".join(points)] if points else []
    return [text, *listed, *([follow] if follow else [])]


def _answer(tone: Tone, topic: str, asks: Sequence[str], dates: Sequence[str]) -> list[str]:
    text = f"{tone.thanks} for your mail about “{topic}”."
    if not asks:
        return [text, "[Your answer.]"]
    return [text, *(f"On your question “{one_line(ask, 160)}”: [Your answer.]" for ask in asks)]


INTENTS = {
    "accept": _accept,
    "decline": _decline,
    "ask": _ask,
    "acknowledge": _acknowledge,
    "answer": _answer,
}


# --- parts of a letter --------------------------------------------------------------------------


def _tone(parameters: Mapping[str, Any]) -> Tone:
    tone = parameters.get("tone")
    return TONES.get(tone if isinstance(tone, str) else "", TONES["professional"])


def _length(parameters: Mapping[str, Any]) -> str:
    length = parameters.get("length")
    return length if isinstance(length, str) and length in MOST_FACTS else "medium"


def _name(address: str) -> str:
    """Return the name to greet: of “Anna Meyer <a@b.c>” or anna.meyer@b.c, or ""."""
    name, mail = parseaddr(address[:300])
    name = " ".join(name.replace(",", " ").split()) if name and "@" not in name else ""
    if not name and "@" not in address:
        name = " ".join(address[:80].split())
    if not name:
        local = mail.partition("@")[0]
        parts = [part for part in re.split(r"[._]", local) if part.isalpha() and len(part) > 1]
        name = " ".join(part.capitalize() for part in parts) if len(parts) == 2 else ""
    return one_line(name, 60)


def _greeting(tone: Tone, names: Sequence[str]) -> str:
    known = [name for name in names if name]
    if not known or len(known) > 3:
        return tone.nameless if not known else tone.greeting.format(name="all")
    shown = known if tone is TONES["formal"] else [name.split()[0] for name in known]
    return tone.greeting.format(name=joined(shown))


def _framed(paragraphs: Sequence[str], greeting: str, tone: Tone, sender: Any) -> str:
    signature = one_line(sender, 80) or "[Your name]"
    middle = [paragraph for paragraph in paragraphs if paragraph.strip()]
    return "\n\n".join([greeting, *middle, f"{tone.closing}\n{signature}"])


def _purpose_for(text: str) -> Purpose:
    """Return the kind of the first word that tells one: “decline the invitation” is a refusal."""
    told = list(words(text))
    for word in told:
        for purpose in PURPOSES:
            if word in purpose.signs:
                return purpose
    weak = (purpose for purpose in PURPOSES if purpose.weak_signs.intersection(told))
    return next(weak, GENERAL)


def _topic(text: str, names: Sequence[str]) -> str:
    """Return what the mail is about: the purpose without “write a mail to … about”."""
    parts = text.rstrip(" .!").split()
    known = {part.lower() for name in names for part in name.split()}
    shortened = list(parts)
    while shortened and shortened[0].lower().strip(",:") in PREAMBLE | known:
        shortened.pop(0)
    return " ".join(shortened)


def _subject(purpose: Purpose, topic: str) -> str:
    subject = purpose.subject.format(topic=topic).rstrip(": ")
    return capital(one_line(subject, 78)) or "[Subject]"


def _sentences(text: str, longest: int = 400) -> list[str]:
    """Return the sentences and list items, without greeting and closing."""
    found: list[str] = []
    for part in _SENTENCE.split(text[:8000]):
        sentence = one_line(_SALUTATION.sub("", _BULLET.sub("", part)), longest)
        if len(sentence) < 2 or _GREETING.match(sentence) or _CLOSING.match(sentence):
            continue
        found.append(capital(sentence) if _SALUTATION.match(part) else sentence)
    return found


def _without_frame(draft: str) -> str:
    """Return a draft without the greeting and closing that it will be given anew."""
    lines = draft.strip().split("\n")
    if lines and _GREETING.match(lines[0].strip()):
        lines = lines[1:]
    for at in range(max(len(lines) - 4, 0), len(lines)):
        if _CLOSING.match(lines[at].strip()):
            lines = lines[:at]
            break
    return "\n".join(lines).strip()


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?", ":", "…", "]")) else f"{sentence}."
