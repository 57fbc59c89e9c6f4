"""Kinds of task, the words that give them away, and the steps that they usually take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a pattern; `{it}` in its title stands for what the task is about.

    `after` counts from 1 inside the pattern. `keep` says how dear the step is: when there are too
    many, those with the lowest `keep` are folded into the step before them.
    """

    title: str
    minutes: int
    after: tuple[int, ...] = ()
    keep: int = 5


@dataclass(frozen=True, slots=True)
class Pattern:
    name: str
    verbs: frozenset[str]  # as the first word of the title: strong evidence
    nouns: frozenset[str]  # anywhere in title or description: weak evidence
    steps: tuple[Step, ...]


def _pattern(name: str, verbs: str, nouns: str, *steps: Step) -> Pattern:
    return Pattern(name, frozenset(verbs.split()), frozenset(nouns.split()), steps)


PATTERNS = (
    _pattern(
        "writing",
        "write draft author blog document compose edit rewrite",
        "article report blog post documentation essay chapter paper proposal whitepaper memo text "
        "copy readme guide handbook",
        Step("Settle readers, purpose and length of {it}", 20, keep=8),
        Step("Collect facts, sources and examples", 60, (1,), keep=7),
        Step("Outline the sections", 30, (2,), keep=6),
        Step("Write the first draft of {it}", 120, (3,), keep=10),
        Step("Revise for order and clarity", 45, (4,), keep=5),
        Step("Have someone else read it", 30, (5,), keep=4),
        Step("Work in the comments and proofread", 30, (6,), keep=7),
        Step("Publish or send {it}", 15, (7,), keep=9),
    ),
    _pattern(
        "presentation",
        "present pitch",
        "presentation slides slide deck talk keynote speech webinar lecture pitch",
        Step("Settle audience, message and length of {it}", 20, keep=8),
        Step("Collect facts and figures", 60, (1,), keep=6),
        Step("Lay out the story, one line a slide", 30, (2,), keep=7),
        Step("Make the slides", 120, (3,), keep=10),
        Step("Rehearse aloud with a clock", 45, (4,), keep=8),
        Step("Ask one person for comments and mend", 30, (5,), keep=4),
        Step("Check room, equipment and a spare copy", 15, (4,), keep=5),
    ),
    _pattern(
        "building software",
        "build implement develop code program create add integrate automate prototype refactor",
        "feature api app application website page script software module service dashboard "
        "integration backend frontend plugin bot endpoint pipeline",
        Step("Write down what {it} must do, and how one will see that it does", 45, keep=9),
        Step("Look at what exists and choose an approach", 60, (1,), keep=6),
        Step("Sketch data, interfaces and edge cases", 45, (2,), keep=5),
        Step("Build the smallest version that works end to end", 180, (3,), keep=10),
        Step("Complete the remaining cases of {it}", 120, (4,), keep=6),
        Step("Write tests, failures included", 90, (4,), keep=8),
        Step("Have it reviewed and mend what is found", 45, (5, 6), keep=7),
        Step("Document and release {it}", 45, (7,), keep=8),
    ),
    _pattern(
        "fixing a fault",
        "fix debug repair solve troubleshoot resolve patch hotfix mend",
        "bug bugs error crash fault broken failure regression defect incident leak",
        Step("Reproduce the fault: {it}", 30, keep=9),
        Step("Note what changed last, and who is affected", 15, keep=4),
        Step("Narrow down the cause", 60, (1, 2), keep=8),
        Step("Write a test that fails because of it", 30, (3,), keep=7),
        Step("Make the fix", 60, (4,), keep=10),
        Step("Check the fix and its neighbours", 30, (5,), keep=7),
        Step("Release it and tell those affected", 20, (6,), keep=6),
        Step("Write down cause and prevention", 20, (7,), keep=3),
    ),
    _pattern(
        "organising an event",
        "organise organize host arrange celebrate throw",
        "event party conference workshop offsite meetup wedding celebration birthday retreat "
        "dinner hackathon fair gathering",
        Step("Settle purpose, date, guests and budget of {it}", 45, keep=10),
        Step("Find and book the place", 90, (1,), keep=9),
        Step("Invite the guests and collect answers", 45, (2,), keep=9),
        Step("Plan the programme", 60, (1,), keep=7),
        Step("Order food, drinks and equipment", 60, (2, 3), keep=7),
        Step("Hand out the jobs of the day", 30, (4,), keep=5),
        Step("Send the last details to the guests", 20, (3, 4), keep=5),
        Step("Set up, hold {it}, clear up", 240, (5, 6, 7), keep=8),
        Step("Thank everyone, pay the bills, note what to do better", 45, (8,), keep=4),
    ),
    _pattern(
        "research",
        "research investigate explore study analyse analyze evaluate compare assess learn survey "
        "understand",
        "research study analysis comparison evaluation survey options alternatives market",
        Step("Write the question that {it} must answer, and for which decision", 20, keep=9),
        Step("Set the criteria and how deep to go", 20, (1,), keep=6),
        Step("Gather sources and candidates", 90, (2,), keep=8),
        Step("Read, try out and take notes", 150, (3,), keep=10),
        Step("Compare against the criteria", 60, (4,), keep=7),
        Step("Ask someone who knows to check the findings", 30, (5,), keep=3),
        Step("Write up findings and a recommendation", 60, (5,), keep=9),
    ),
    _pattern(
        "migration",
        "migrate move upgrade transfer switch port convert replace",
        "migration upgrade database server cloud data cutover platform provider system",
        Step("List what {it} touches and who depends on it", 60, keep=8),
        Step("Write the plan, with a way back", 60, (1,), keep=9),
        Step("Take a backup and try restoring it", 45, (1,), keep=8),
        Step("Set up the target", 90, (2,), keep=7),
        Step("Rehearse on a copy and time it", 120, (3, 4), keep=8),
        Step("Announce the date and the downtime", 20, (5,), keep=5),
        Step("Carry out {it}", 120, (5, 6), keep=10),
        Step("Compare old and new, watch for a week", 60, (7,), keep=7),
        Step("Switch off and tidy up the old", 45, (8,), keep=4),
    ),
    _pattern(
        "hiring",
        "hire recruit interview onboard",
        "hiring candidate candidates role vacancy recruitment engineer designer position job",
        Step("Describe the role, must-haves and pay for {it}", 60, keep=9),
        Step("Agree on stages, questions and who decides", 45, (1,), keep=6),
        Step("Publish the opening and ask around", 60, (1,), keep=8),
        Step("Read the applications against the must-haves", 120, (2, 3), keep=7),
        Step("Hold first conversations", 180, (4,), keep=7),
        Step("Hold the main interviews or a trial task", 240, (5,), keep=9),
        Step("Compare notes, check references, decide", 60, (6,), keep=8),
        Step("Make the offer and answer the others", 45, (7,), keep=8),
        Step("Prepare the first week", 60, (8,), keep=4),
    ),
    _pattern(
        "travel",
        "travel visit fly book",
        "trip travel vacation holiday flight flights hotel journey tour itinerary",
        Step("Settle dates, people and budget of {it}", 30, keep=9),
        Step("Check passports, visas, insurance and leave", 30, (1,), keep=7),
        Step("Compare and book transport", 60, (1,), keep=10),
        Step("Book the place to stay", 45, (3,), keep=9),
        Step("Draft the days, with bookings that must be made early", 60, (3, 4), keep=6),
        Step("Arrange home, pets, work and mail", 30, (1,), keep=3),
        Step("Pack by a list, download tickets and maps", 60, (4, 5), keep=6),
    ),
    _pattern(
        "launch",
        "launch release ship announce promote market publish",
        "launch campaign release marketing rollout newsletter promotion",
        Step("Settle goal, audience and date of {it}", 30, keep=9),
        Step("Write the message and what sets it apart", 60, (1,), keep=8),
        Step("Prepare pages, pictures and texts", 180, (2,), keep=8),
        Step("Check that everything works, with someone who has not seen it", 60, (3,), keep=8),
        Step("Tell partners, support and sales in advance", 30, (2,), keep=5),
        Step("Go live with {it}", 45, (4, 5), keep=10),
        Step("Watch figures and answers on the first days", 60, (6,), keep=6),
        Step("Sum up what worked", 30, (7,), keep=3),
    ),
    _pattern(
        "buying",
        "buy purchase procure order choose select get lease rent",
        "supplier vendor quote laptop car equipment contract subscription licence license",
        Step("Write down the needs and the budget for {it}", 20, keep=9),
        Step("Find three candidates", 45, (1,), keep=8),
        Step("Compare price, terms and reviews", 45, (2,), keep=8),
        Step("Ask for quotes or try one out", 45, (3,), keep=5),
        Step("Decide and get the approval", 20, (4,), keep=7),
        Step("Order {it}", 15, (5,), keep=10),
        Step("Check what arrives, file bill and warranty", 20, (6,), keep=5),
    ),
    _pattern(
        "tidying up",
        "clean tidy declutter sort sweep organise organize archive",
        "garage inbox cupboard kitchen basement attic desk files office wardrobe",
        Step("Choose the boundary of {it} and a stopping time", 10, keep=7),
        Step("Get boxes, bags and labels (or folders)", 15, (1,), keep=4),
        Step("Take everything out and group it", 60, (2,), keep=8),
        Step("Decide: keep, give away, throw away", 60, (3,), keep=10),
        Step("Clean, and give each thing that stays its place", 60, (4,), keep=9),
        Step("Carry away what goes", 30, (4,), keep=7),
    ),
    _pattern(
        "moving house",
        "relocate",
        "moving house flat apartment relocation removal movers landlord lease",
        Step("Fix the date and give notice", 30, keep=9),
        Step("Get offers from movers or helpers", 60, (1,), keep=8),
        Step("Sort out what is not coming along", 180, (1,), keep=6),
        Step("Change address: post, bank, insurance, office", 60, (1,), keep=8),
        Step("Arrange electricity, water and internet", 45, (1,), keep=8),
        Step("Pack and label boxes by room", 360, (3,), keep=9),
        Step("Move", 480, (2, 6), keep=10),
        Step("Hand over the old home, unpack the first things", 180, (7,), keep=7),
    ),
    _pattern(
        "accounts and taxes",
        "file invoice budget reconcile audit pay close",
        "tax taxes invoice invoices budget expenses accounting bookkeeping receipts vat return "
        "payroll",
        Step("List what {it} needs, and by when", 20, keep=8),
        Step("Collect receipts, statements and last year's papers", 60, (1,), keep=8),
        Step("Enter and sort the amounts", 90, (2,), keep=9),
        Step("Clear up what is missing or odd", 45, (3,), keep=6),
        Step("Check the sums against the statements", 30, (4,), keep=7),
        Step("Submit or pay {it}", 20, (5,), keep=10),
        Step("File the papers and note the next date", 15, (6,), keep=4),
    ),
    _pattern(
        "a meeting or conversation",
        "meet discuss negotiate call talk review",
        "meeting review negotiation workshop conversation feedback",
        Step("Write down what should be different after {it}", 15, keep=9),
        Step("Choose who must be there and find a time", 15, (1,), keep=8),
        Step("Collect the facts and what the others want", 45, (1,), keep=7),
        Step("Send an agenda with the questions to decide", 15, (2, 3), keep=6),
        Step("Hold {it} and note decisions", 60, (4,), keep=10),
        Step("Send who does what by when", 15, (5,), keep=8),
    ),
    _pattern(
        "learning",
        "learn practise practice train master revise",
        "course exam language skill certificate certification test training lesson tutorial",
        Step("Say what you want to be able to do, and by when", 15, keep=8),
        Step("Choose one course, book or teacher", 45, (1,), keep=7),
        Step("Cut it into weekly portions and put them in the calendar", 30, (2,), keep=6),
        Step("Work through the first portion", 120, (3,), keep=9),
        Step("Practise on something real", 120, (4,), keep=10),
        Step("Test yourself and go over what failed", 60, (5,), keep=7),
    ),
)

GENERAL = _pattern(
    "general",
    "",
    "",
    Step("Write down what done means for {it}", 15, keep=9),
    Step("List what is known, missing, and who must be asked", 30, (1,), keep=6),
    Step("Clear up the open questions", 30, (2,), keep=5),
    Step("Do the smallest useful part first", 60, (3,), keep=8),
    Step("Do the rest of {it}", 90, (4,), keep=10),
    Step("Check the result against what done means", 30, (5,), keep=8),
    Step("Hand it over and tell those who wait for it", 15, (6,), keep=7),
)
