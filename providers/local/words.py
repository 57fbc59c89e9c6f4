"""Words for the rules: plain text out of mail, overlap of two texts, lists in a sentence."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from typing import Any

# Every pattern here and in the modules beside it is linear: no nested or adjoining repeats of the
# same characters, and every repeat that can fail late is bounded.
_WORD = re.compile(r"[^\W_][^\W_]*(?:['\u2019][^\W_]{1,3})?")
_TAG = re.compile(r"<[a-zA-Z/!?][^<>]{0,5000}>")
_BREAK = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6]|/table)\b", re.IGNORECASE)
_BLANKS = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\n\s*\n")
HTML_MARK = re.compile(r"<(?:html|body|table|div|p|br|font|a|span|center|img)\b", re.IGNORECASE)


def word_set(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


STOP_WORDS = word_set(
    "a about after all also am an and any are as at be been before but by can could day did "
    "do does for from get had has have he her him his how i if in into is it its just let "
    "like me more my new no not now of on one or our out please re fw fwd she should so some "
    "than that the their them then there they this to today tomorrow up us very want was we "
    "were what when where which who why will with would you your hi hello dear thanks thank "
    "regards best meeting call mail email week team "
)


LONGEST_REASON = 480  # characters; what a reason may be long in a result, less a little


def text_of(value: Any) -> str:
    """Return a string as it is, None and everything else that is no text as ""."""
    return value if isinstance(value, str) else ""


def strings_of(value: Any) -> list[str]:
    """Return one string, or a list of them, as a list of the ones that say something."""
    items = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else []
    return [item.strip() for item in items if isinstance(item, str) and item.strip()]


def one_line(value: Any, limit: int = 120) -> str:
    """Return the text on one line, cut at `limit` characters with an ellipsis."""
    text = " ".join(text_of(value)[: limit * 20].split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def plain(body: Any, limit: int = 20_000) -> str:
    """Return the readable text of a body that may be HTML, at most `limit` characters of it."""
    text = text_of(body)[: limit * 5].replace("\r\n", "\n").replace("\r", "\n")
    if HTML_MARK.search(text):
        text = _without(text, "<style", "</style>")
        text = _without(text, "<script", "</script>")
        text = _without(text, "<!--", "-->")
        text = html.unescape(_TAG.sub(" ", _BREAK.sub(r"\n\g<0>", text)))
    return _LINES.sub("\n\n", _BLANKS.sub(" ", text)).strip()[:limit]


def _without(text: str, opening: str, closing: str) -> str:
    """Cut out every stretch from `opening` to `closing`; plain search, so it stays linear."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a letter that grows in lower case would shift positions
        return text
    kept: list[str] = []
    position = 0
    while (start := lowered.find(opening, position)) >= 0:
        end = lowered.find(closing, start)
        if end < 0:
            break
        kept.append(text[position:start])
        position = end + len(closing)
    kept.append(text[position:])
    return " ".join(kept)


def own_text(body: str) -> str:
    """Return what the sender wrote: no quoted lines, signature or original below the reply."""
    kept: list[str] = []
    has_text = False
    for line in body.split("\n"):
        stripped = line.strip()
        if has_text and (stripped in {"--", "---"} or _starts_original(stripped)):
            break
        if not stripped.startswith((">", "|>")) and not _announces_quote(stripped):
            kept.append(line)
            has_text = has_text or bool(stripped)
    return "\n".join(kept).strip()


def _starts_original(line: str) -> bool:
    lowered = line[:40].lower()
    return lowered.startswith(
        ("-----original message", "----- original message", "________________", "begin forwarded")
    )


def _announces_quote(line: str) -> bool:
    return line.endswith(("wrote:", "writes:", "schrieb:", "said:")) and len(line) < 200


def words(text: str) -> Iterator[str]:
    return (match.group().lower() for match in _WORD.finditer(text))


def telling(text: str) -> set[str]:
    """Return the words that say what a text is about, crudely stemmed: plural and case are gone."""
    return {
        _stem(word)
        for word in words(text[:5000])
        if len(word) > 2 and word not in STOP_WORDS and not word.isdigit()
    }


def _stem(word: str) -> str:
    for ending in ("ing", "ies", "es", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def joined(items: Iterable[str], *, last: str = "and") -> str:
    """Return “a, b and c”."""
    listed = list(items)
    if len(listed) < 2:
        return "".join(listed)
    return f"{', '.join(listed[:-1])} {last} {listed[-1]}"


def counted(number: int, singular: str, plural: str = "") -> str:
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]
