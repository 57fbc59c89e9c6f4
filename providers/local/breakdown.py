"""A task in steps: the list its description already holds, or else the pattern of its kind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from providers.local.patterns import GENERAL, PATTERNS, Pattern, Step
from providers.local.words import capital, one_line, plain, word_set, words

VERB_POINTS, VERB_LATER_POINTS, NOUN_IN_TITLE_POINTS, NOUN_POINTS = 6, 3, 2, 1
ENOUGH_POINTS = 2  # less evidence than this is none: the general pattern is used
MOST_STEPS, MOST_LISTED = 50, 500
MINUTES = {"minute": 1, "min": 1, "hour": 60, "h": 60, "day": 480, "week": 2400}
DEFAULT_MINUTES = 45
SMALL = word_set("quick quickly small short simple tiny minor brief")
LARGE = word_set("large big major whole entire complete full complex")
_ITEM = re.compile(r"^\s{0,20}(?:(?P<number>\d{1,3})[.)]|[-*•+\u2013])\s{1,10}(?P<text>\S.{0,500})")
_CHECKBOX = re.compile(r"^\[[ xX]?\]\s{0,5}")
_EFFORT = re.compile(
    r"(?<![\w.])(\d{1,4}(?:\.\d{1,2})?)\s{0,3}(minute|min|hour|h|day|week)s?\b", re.IGNORECASE
)
# Words before the one that says what kind of task it is.
LEADING = word_set(
    "please need needs to we i must should help me let's lets a an the my our plan prepare start "
    "finish do"
)
# After these verbs the rest of the title names a thing, so “of {rest}” reads well.
OBJECT_FOLLOWS = word_set(
    "write draft edit present build implement develop create fix debug repair organise organize "
    "host arrange research investigate buy purchase hire recruit launch release ship announce "
    "clean tidy learn plan prepare"
)


def break_down(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return steps in an order that can be followed, and which pattern they come from."""
    title = one_line(parameters.get("title"), 200)
    description = plain(parameters.get("description"))
    most = _most(parameters.get("max_steps"))
    listed, numbered = _listed(description)
    if len(listed) >= 2:
        steps = _from_list(listed, numbered=numbered)
        source = f"The {len(listed)} items listed in the description"
        source += ", one after the other" if numbered else ", in the order given"
    else:
        pattern, evidence = _pattern_for(title, description)
        subject = _subject(title)
        scale, size = _size(title, description, pattern)
        steps = [
            Step(
                step.title.format(it=subject), _rounded(step.minutes * scale), step.after, step.keep
            )
            for step in pattern.steps
        ]
        source = f"The pattern “{pattern.name}”{evidence}{size}"
    before = len(steps)
    steps = _trimmed(steps, most)
    if most == 1 and before > 1:
        steps = [replace(steps[0], title=capital(title) or "Do the task")]
    total = sum(step.minutes for step in steps)
    merged = f"; {before} steps were folded into {len(steps)}" if len(steps) < before else ""
    return {
        "steps": [
            {
                "order": order,
                "title": step.title,
                "estimate_minutes": step.minutes,
                "depends_on": list(step.after),
            }
            for order, step in enumerate(steps, start=1)
        ],
        "description": f"{source}{merged}. About {_duration(total)} in all, a rough estimate.",
    }


def _most(value: Any) -> int:
    try:
        return min(max(int(value), 1), MOST_STEPS)
    except (TypeError, ValueError, OverflowError):
        return 8


def _listed(description: str) -> tuple[list[str], bool]:
    """Return the items of a list in the description, and whether they are numbered."""
    found = [match for line in description.split("\n") if (match := _ITEM.match(line))]
    texts = [_CHECKBOX.sub("", match["text"]).strip() for match in found[:MOST_LISTED]]
    numbered = bool(found) and sum(match["number"] is not None for match in found) * 2 > len(found)
    return [text for text in texts if text], numbered


def _from_list(listed: Sequence[str], *, numbered: bool) -> list[Step]:
    steps: list[Step] = []
    for position, text in enumerate(listed):
        minutes = _effort(text)
        if minutes is None:
            pattern, _ = _pattern_for(text, "")
            main = max(pattern.steps, key=lambda step: step.keep)
            minutes = DEFAULT_MINUTES if pattern is GENERAL else main.minutes
        after = (position,) if numbered and position else ()
        steps.append(Step(capital(one_line(text, 200)), _rounded(minutes), after))
    return steps


def _pattern_for(title: str, description: str) -> tuple[Pattern, str]:
    """Return the kind with most evidence, and the words that spoke for it."""
    head = [word for word in words(title) if word not in LEADING]
    rest = set(words(description[:5000]))
    best, best_points, best_found = GENERAL, ENOUGH_POINTS - 1, ""
    for pattern in PATTERNS:
        found: dict[str, int] = {}
        if head and head[0] in pattern.verbs:
            found[head[0]] = VERB_POINTS
        for word in head[1:]:
            if word in pattern.verbs:
                found[word] = VERB_LATER_POINTS
        for word in head:
            if word in pattern.nouns:
                found[word] = found.get(word, 0) + NOUN_IN_TITLE_POINTS
        for word in rest & pattern.nouns:
            found.setdefault(word, NOUN_POINTS)
        points = sum(found.values())
        if points > best_points:
            strongest = sorted(found, key=lambda word: (-found[word], word))[:3]
            best, best_points = pattern, points
            best_found = f" (from {', '.join(f'“{word}”' for word in strongest)})"
    return best, best_found or " (no word told the kind of task)"


def _subject(title: str) -> str:
    """Return what the task is about: the object of its verb, or else the title in quotes."""
    parts = title.rstrip(" .!?").split()
    if len(parts) > 1 and parts[0].lower() in OBJECT_FOLLOWS:
        return one_line(" ".join(parts[1:]), 80)
    return f"“{one_line(' '.join(parts), 80)}”" if parts else "the task"


def _size(title: str, description: str, pattern: Pattern) -> tuple[float, str]:
    """Return the factor on the pattern's estimates, and the words that say why it is not one."""
    stated = _effort(f"{title}\n{description[:5000]}")
    if stated is not None:
        usual = sum(step.minutes for step in pattern.steps)
        return stated / usual, f", scaled to the {_duration(stated)} that the text names"
    told = set(words(title))
    if told & SMALL:
        return 0.5, ", at half its usual estimates for a small task"
    if told & LARGE:
        return 2.0, ", at twice its usual estimates for a large task"
    return 1.0, ""


def _effort(text: str) -> int | None:
    match = _EFFORT.search(text)
    if match is None:
        return None
    minutes = float(match[1]) * MINUTES[match[2].lower()]
    return round(minutes) if 5 <= minutes <= 60_000 else None


def _rounded(minutes: float) -> int:
    """Round to 5 minutes, past two hours to 15: an estimate should not look exact."""
    step = 5 if minutes < 120 else 15
    return max(round(minutes / step) * step, 5)


def _trimmed(steps: list[Step], most: int) -> list[Step]:
    """Fold the steps that matter least into their neighbours until there are at most `most`.

    The minutes stay; what depended on the folded step depends on the one that took it in.
    """
    while len(steps) > most:
        victim = min(range(len(steps)), key=lambda at: (steps[at].keep, -at))
        into = victim - 1 if victim else 1
        steps = _folded(steps, victim, into)
    return steps


def _folded(steps: list[Step], victim: int, into: int) -> list[Step]:
    gone, host = steps[victim], steps[into]
    new_order = {
        old + 1: (into if old == victim else old) + 1 - ((into if old == victim else old) > victim)
        for old in range(len(steps))
    }
    merged = Step(host.title, host.minutes + gone.minutes, host.after + gone.after, host.keep)
    result: list[Step] = []
    for position, step in enumerate(steps):
        if position == victim:
            continue
        kept = merged if position == into else step
        own = len(result) + 1
        after = sorted({new_order[old] for old in kept.after if new_order[old] < own})
        result.append(replace(kept, after=tuple(after)))
    return result


def _duration(minutes: int) -> str:
    if minutes < 60:
        return f"{minutes} minutes"
    hours = minutes / 60
    if hours < 12:
        text = f"{hours:.1f}".removesuffix(".0")
        return f"{text} hour{'' if text == '1' else 's'}"
    text = f"{minutes / 480:.1f}".removesuffix(".0")
    return f"{text} working day{'' if text == '1' else 's'} of 8 hours"
