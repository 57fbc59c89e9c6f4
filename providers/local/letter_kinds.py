"""Tones and purposes of letters: how they greet, open, ask and end."""

from __future__ import annotations

from dataclasses import dataclass

from providers.local.words import word_set


@dataclass(frozen=True, slots=True)
class Tone:
    greeting: str
    nameless: str
    closing: str
    thanks: str
    please: str


TONES = {
    "professional": Tone("Hello {name},", "Hello,", "Kind regards,", "Thank you", "Please"),
    "friendly": Tone(
        "Hi {name},", "Hi there,", "Best wishes,", "Thanks so much", "Could you please"
    ),
    "concise": Tone("{name},", "Hello,", "Thanks,", "Thanks", "Please"),
    "formal": Tone(
        "Dear {name},",
        "Dear Sir or Madam,",
        "Yours sincerely,",
        "I thank you",
        "I would ask you to",
    ),
}


@dataclass(frozen=True, slots=True)
class Purpose:
    """A kind of letter: what gives it away, how it opens, what it asks, how it ends."""

    name: str
    signs: frozenset[str]
    subject: str
    opening: str
    needs: tuple[str, ...]  # blanks to fill when no context gives them
    request: str
    ending: str
    weak_signs: frozenset[str] = frozenset()  # count only where no purpose has a sign


def _purpose(
    name: str,
    signs: str,
    subject: str,
    opening: str,
    needs: tuple[str, ...],
    request: str,
    ending: str,
    weak_signs: str = "",
) -> Purpose:
    return Purpose(
        name, word_set(signs), subject, opening, needs, request, ending, word_set(weak_signs)
    )


PURPOSES = (
    _purpose(
        "apology", "apologize apologise apology apologies sorry regret", "Apology: {topic}",
        "I am writing to apologise: {topic}.", ("[what went wrong, in one sentence]",),
        "", "I am sorry for the trouble this has caused. [What will be done, and by when.]",
    ),
    _purpose(
        "reminder", "remind reminder overdue chase nudge unpaid outstanding", "Reminder: {topic}",
        "This is a friendly reminder: {topic}.", ("[what is outstanding and since when]",),
        "let me know by [date] when I can expect it.",
        "If this has crossed with your answer, please ignore this note.",
    ),
    _purpose(
        "follow-up", "follow followup following check checking status update chasing",
        "Following up: {topic}", "I would like to follow up: {topic}.", (),
        "let me know where this stands.", "",
    ),
    _purpose(
        "thanks", "thank thanks thanking gratitude appreciate appreciation", "Thank you",
        "{thanks}: {topic}.", ("[what was especially helpful]",), "", "",
    ),
    _purpose(
        "invitation", "invite invitation inviting invited party join event",
        "Invitation: {topic}", "I would like to invite you: {topic}.",
        ("[date, time and place]",), "let me know by [date] whether you can come.", "",
    ),
    _purpose(
        "meeting", "meet meeting call appointment schedule reschedule slot demo interview",
        "Meeting: {topic}", "I would like to arrange a time with you: {topic}.",
        ("[two or three times that suit you]",),
        "tell me which time suits you, or suggest another.", "",
    ),
    _purpose(
        "refusal", "decline refuse reject cancel refusal cancellation turn",
        "{topic}", "I have to turn this down: {topic}.", ("[the reason, if you want to give one]",),
        "", "I am sorry that I cannot give you a better answer.",
    ),
    _purpose(
        "complaint", "complain complaint dissatisfied refund defective broken faulty claim",
        "Complaint: {topic}", "I have to raise a problem: {topic}.",
        ("[order or contract number]", "[what happened, and when]"),
        "let me know by [date] how you will put this right.", "",
    ),
    _purpose(
        "introduction", "introduce introduction introducing myself onboarding welcome",
        "Introduction: {topic}", "I am writing to introduce {topic}.",
        ("[one sentence on who you are]",), "", "I look forward to hearing from you.",
    ),
    _purpose(
        "offer", "offer quote quotation proposal propose pitch sell price",
        "Offer: {topic}", "Here is our offer: {topic}.", ("[scope, price and validity]",),
        "let me know by [date] whether this suits you.", "I am glad to answer any questions.",
    ),
    _purpose(
        "application", "apply application applying job position candidate vacancy",
        "Application: {topic}", "I would like to apply: {topic}.",
        ("[the experience that fits best]", "[when you could start]"), "",
        "I look forward to a conversation.",
    ),
    _purpose(
        "announcement", "announce announcement inform tell notify news launch report",
        "{topic}", "I would like to let you know: {topic}.", (), "",
        "If you have questions, just reply.",
    ),
    _purpose(
        "request", "ask asking request requesting",
        "Request: {topic}", "I have a request: {topic}.", (),
        "let me know whether that is possible.", "",
        "need want send share provide help review approve confirm question",
    ),
)  # fmt: skip
GENERAL = Purpose("letter", frozenset(), "{topic}", "I am writing about this: {topic}.", (), "", "")
# Words that only say what to do with the topic, in front of it: “write an email to Anna about …”.
PREAMBLE = word_set(
    "please write send draft compose a an the mail email e-mail letter message note to about "
    "regarding concerning asking ask request requesting for follow up on following remind "
    "reminding reminder thank thanks invite inviting announce announcing tell telling inform "
    "informing that apologize apologise apology apologizing apologising decline declining "
    "complain complaining quick short of and them him her us"
)
