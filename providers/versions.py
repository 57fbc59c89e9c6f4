"""Versions of a price: which one holds when, and which are missing. Values in, values out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from providers.pricing import RateCard


@dataclass(frozen=True, slots=True)
class Version:
    """A rate card and the moment from which it holds."""

    valid_from: datetime
    card: RateCard


def in_force(versions: Sequence[Version], at: datetime) -> Version:
    """Return the version that holds at `at`; before the first one, that one."""
    ordered = sorted(versions, key=lambda version: version.valid_from)
    begun = [version for version in ordered if version.valid_from <= at]
    return begun[-1] if begun else ordered[0]


def missing(
    stored: Sequence[Version], wanted: Sequence[Version], *, now: datetime
) -> list[Version]:
    """Return the versions to add to `stored` so that from `now` on they say what is `wanted`.

    The two are compared at every moment, now or later, at which either changes. A price that
    changed in the past holds from now, not from the day on which the vendor changed it: runs in
    between were priced by what was known then. A first price holds from the day it states.
    """
    if not stored or not wanted:
        return list(wanted)
    merged = list(stored)
    later = {version.valid_from for version in (*stored, *wanted) if version.valid_from > now}
    for moment in sorted({now} | later):
        card = in_force(wanted, moment).card
        if card == in_force(merged, moment).card:
            continue
        start = moment
        while any(version.valid_from == start for version in merged):
            start += timedelta(seconds=1)  # an announced price changed before it came into force
        merged.append(Version(start, card))
    return merged[len(stored) :]
