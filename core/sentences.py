"""Recorded changes in plain words: each app says its own, in its `sentences.py`.

The audit log knows actions and targets, and none of the words of the apps that record them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from django.utils.module_loading import autodiscover_modules

if TYPE_CHECKING:
    from accounts.models import User


LONGEST_VALUE = 60  # characters of a value in a sentence; the entry has all of it


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change as it was recorded. `name` is what its target is called now; "" if not known."""

    action: str
    target: str
    name: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)

    def told(self, key: str) -> str:
        """Return what the record says under `key`, after or before; "" where it says nothing."""
        value = self.after.get(key, self.before.get(key))
        return "" if value is None else str(value)

    def differences(self, words: Mapping[str, str] | None = None) -> list[str]:
        """Return what has changed, “zone: UTC → Europe/Berlin”; of what has parts, its name.

        `words` names the values to tell, and says how they are called; without, all are told.
        """
        names = words if words is not None else {key: _words(key) for key in self.after}
        return [
            _difference(word, self.before.get(key), self.after.get(key))
            for key, word in names.items()
            if key in self.after and self.before.get(key) != self.after[key]
        ]


def _words(key: str) -> str:
    return key.removesuffix("_usd").replace("_", " ")


def _difference(word: str, before: Any, after: Any) -> str:
    if isinstance(before, (dict, list)) or isinstance(after, (dict, list)):
        return word
    return f"{word}: {said(before)} → {said(after)}"


def said(value: Any) -> str:
    """Return one value of a record as a few words."""
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


@dataclass(frozen=True)
class Named:
    """What a target is called, and where it is shown ("" where nowhere)."""

    name: str
    url: str = ""


Sentence = Callable[[Change], str]
Namer = Callable[["User", Collection[str]], Mapping[str, Named]]
Finder = Callable[["User", str], Collection[str]]

SomeSentence = TypeVar("SomeSentence", bound=Sentence)
SomeNamer = TypeVar("SomeNamer", bound=Namer)
SomeFinder = TypeVar("SomeFinder", bound=Finder)

_sentences: dict[str, Sentence] = {}
_namers: dict[str, Namer] = {}
_finders: dict[str, Finder] = {}


def sentence(*actions: str) -> Callable[[SomeSentence], SomeSentence]:
    """Register what tells these actions in one sentence, without saying who did it."""

    def decorate(tell: SomeSentence) -> SomeSentence:
        _sentences.update(dict.fromkeys(actions, tell))
        return tell

    return decorate


def namer(kind: str) -> Callable[[SomeNamer], SomeNamer]:
    """Register what names targets of `kind` (“app.model”), as far as a user sees them.

    One query, however many keys; they are ids of rows.
    """

    def decorate(names: SomeNamer) -> SomeNamer:
        _namers[kind] = names
        return names

    return decorate


def finder(kind: str) -> Callable[[SomeFinder], SomeFinder]:
    """Register what finds keys of targets of `kind` whose name holds a text, by one query."""

    def decorate(find: SomeFinder) -> SomeFinder:
        _finders[kind] = find
        return find

    return decorate


def actions() -> list[str]:
    """Return the actions that somebody has a sentence for."""
    _discover()
    return sorted(_sentences)


def tell(change: Change) -> str:
    """Return the sentence for `change`; a plain one of its action where nobody registered any."""
    _discover()
    if change.action in _sentences:
        return _sentences[change.action](change)
    noun, _, verb = change.action.replace("_", " ").rpartition(".")
    what = f"{noun.capitalize()} {verb}" if noun else verb.capitalize()
    changed = change.differences() if change.before else []
    return f"{what}: {'; '.join(changed)}." if changed else f"{what}."


def names_of(user: User, targets: Collection[str]) -> dict[str, Named]:
    """Return what `targets` (“app.model:key”) are called, of those that `user` sees."""
    _discover()
    keys: dict[str, set[str]] = {}
    for target in targets:
        kind, _, key = target.partition(":")
        if kind in _namers and _is_id(key):
            keys.setdefault(kind, set()).add(key)
    return {
        f"{kind}:{key}": named
        for kind, of_kind in keys.items()
        for key, named in _namers[kind](user, of_kind).items()
    }


def _is_id(key: str) -> bool:
    try:
        UUID(key)
    except ValueError:
        return False
    return True


def targets_called(user: User, text: str) -> list[str]:
    """Return targets whose name holds `text`, of those that `user` sees; some of each kind."""
    _discover()
    return [f"{kind}:{key}" for kind, find in _finders.items() for key in find(user, text)]


@cache
def _discover() -> None:
    autodiscover_modules("sentences")


@sentence("secret.stored")
def _stored(change: Change) -> str:
    return f"Stored the secret “{change.told('name')}”."


@sentence("secret.replaced")
def _replaced(change: Change) -> str:
    return f"Replaced the secret “{change.told('name')}”."


@sentence("secret.deleted")
def _deleted(change: Change) -> str:
    return f"Deleted the secret “{change.told('name')}”."


@sentence("secrets.rekeyed")
def _rekeyed(change: Change) -> str:
    return "Sealed the stored secrets with a new key."
