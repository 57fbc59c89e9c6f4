"""Kinds of event, the words of a title that give them away, and how one prepares for each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    signs: frozenset[str]
    minutes: int
    preparation: tuple[str, ...]


def _kind(name: str, signs: str, minutes: int, *preparation: str) -> Kind:
    return Kind(name, frozenset(sign.strip() for sign in signs.split(",")), minutes, preparation)


KINDS = (
    _kind(
        "interview", "interview, candidate, screening, hiring panel", 30,
        "Read the application and mark two things to ask about.",
        "Agree with the other interviewers who asks what.",
        "Have the scoring sheet at hand and write it up right after.",
    ),
    _kind(
        "one-to-one", "1:1, 1-1, 1on1, one on one, one-on-one, 1 on 1, catch up, check in", 10,
        "Look at the notes and promises of last time.",
        "Write down one thing to praise, one to ask and one to settle.",
    ),
    _kind(
        "stand-up", "standup, stand-up, stand up, daily, scrum, huddle", 5,
        "Note what got done, what is next and what blocks you.",
    ),
    _kind(
        "performance review", "performance review, appraisal, annual review, salary, feedback", 45,
        "Collect examples of work since the last review, with dates.",
        "Write down the message you want to be remembered.",
    ),
    _kind(
        "retrospective", "retro, retrospective, post mortem, postmortem, lessons learned", 15,
        "Look up what was decided last time and whether it was done.",
        "Note what went well, what did not, and one change to propose.",
    ),
    _kind(
        "demo", "demo, demonstration, show and tell, showcase", 30,
        "Run through the demo once, with the data you will show.",
        "Keep a recording or screenshots in case something fails.",
    ),
    _kind(
        "board meeting", "board, investors, shareholders, steering committee, all hands", 60,
        "Read the papers and check the figures you will be asked about.",
        "Prepare short answers to the three hardest questions.",
    ),
    _kind(
        "talk with a customer",
        "customer, client, sales, prospect, account review, renewal, pitch, discovery", 30,
        "Look up open offers, tickets and the last contact.",
        "Settle the aim of the talk and the next step to propose.",
    ),
    _kind(
        "negotiation", "negotiation, contract, supplier, vendor, pricing", 30,
        "Write down your aim, your limit and what you can give.",
        "Have the latest version of the contract at hand.",
    ),
    _kind(
        "planning", "planning, roadmap, sprint, kickoff, kick-off, kick off, okr, strategy", 20,
        "Bring the list of candidates in order, with rough effort.",
        "Know the capacity and the fixed dates of the coming weeks.",
    ),
    _kind(
        "presentation", "presentation, talk, keynote, webinar, lecture, speech", 45,
        "Go through the slides aloud once, with a clock.",
        "Check microphone, screen and a spare copy.",
    ),
    _kind(
        "review", "review, sign-off, sign off, approval, design review, code review", 20,
        "Read what is to be reviewed and mark your points.",
        "Decide what would make you say yes.",
    ),
    _kind(
        "training", "training, workshop, course, class, lesson, onboarding, seminar", 15,
        "Do the preparation that was asked for, if any.",
        "Bring what you need to take part: access, laptop, notes.",
    ),
    _kind(
        "medical appointment",
        "dentist, doctor, dr, gp, physio, clinic, hospital, vaccination, optician, therapist", 30,
        "Take the insurance card and papers along.",
        "Write down complaints, medicines and questions.",
    ),
    _kind(
        "journey", "flight, train, airport, departure, travel, check-in", 120,
        "Check in, and look whether it is on time.",
        "Pack documents, charger and the booking number.",
    ),
    _kind(
        "authority or bank", "notary, bank, tax, embassy, registry, lawyer, court, passport", 30,
        "Take identity card, letters and reference numbers along.",
    ),
    _kind(
        "meal or social time",
        "lunch, dinner, breakfast, coffee, drinks, birthday, party, anniversary, wedding", 15,
        "Check place and time, and who comes.",
    ),
    _kind("time of your own", "focus, deep work, no meetings, blocked, hold, gym, break", 0),
)  # fmt: skip
MEETING = Kind(
    "meeting", frozenset(), 10,
    ("Write down what you want to have settled at the end.",),
)  # fmt: skip


ALL_DAY = Kind("all day", frozenset(), 0, ())
