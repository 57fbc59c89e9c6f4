"""Whether an answer is about what was asked; its form alone does not say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Mapping[str, Any], Mapping[str, Any]], str]
TOLD_AT_ONCE = 10


def each_once(given: str, answered: str, *, by: str = "id") -> Check:
    """Return a check that the list `answered` names every entry of the list `given` once.

    A model that leaves one out, or makes one up, would else be a paid success.
    """

    def check(parameters: Mapping[str, Any], result: Mapping[str, Any]) -> str:
        asked = {str(entry["id"]) for entry in parameters[given]}
        named = Counter(str(entry[by]) for entry in result[answered])
        wrong = {
            "are missing": sorted(asked - named.keys()),
            "are not among those given": sorted(named.keys() - asked),
            "stand there more than once": sorted(id_ for id_, count in named.items() if count > 1),
        }
        return "; ".join(
            f"{answered}: {', '.join(ids[:TOLD_AT_ONCE])} {fault}"
            for fault, ids in wrong.items()
            if ids
        )

    return check
