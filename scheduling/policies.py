"""What becomes of an expected fire. Pure: the engine decides by it, and so can a dry run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from scheduling.cadence import Gap, Overlap, next_after

SILENCE = timedelta(hours=1)  # a run without an end for so long no longer holds its schedule up
MOST_COUNTED = 100  # missed fires; after a long outage each schedule would count thousands


@dataclass(frozen=True, slots=True)
class Cadence:
    expression: str
    zone: str
    gap: Gap
    overlap: Overlap

    def next_after(self, moment: datetime) -> datetime | None:
        return next_after(self.expression, self.zone, moment, gap=self.gap, overlap=self.overlap)


@dataclass(frozen=True, slots=True)
class Expected:
    """The fires from `first` to `latest` have come, and `next` is to come, if any is.

    `missed` counts those before `latest`, up to `MOST_COUNTED` and one.
    """

    first: datetime
    latest: datetime
    before_latest: datetime | None
    missed: int
    next: datetime | None


@dataclass(frozen=True, slots=True)
class Busy:
    """What still runs: the fire that started it, and since when."""

    expected_at: datetime
    run_id: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """An expected moment with the reason for leaving it out; without a reason it fires."""

    expected_at: datetime
    reason: str = ""

    @property
    def is_fire(self) -> bool:
        return not self.reason


def expected(cadence: Cadence, first: datetime, now: datetime) -> Expected:
    """Return which fires have come by `now`, where `first` is one of them. Raises `InvalidCron`."""
    latest, coming = _latest(cadence, first, now)
    missed, last, moment = 0, None, first
    while moment < latest and missed <= MOST_COUNTED:
        missed, last = missed + 1, moment
        moment = cadence.next_after(moment) or latest
    return Expected(first, latest, last, missed, coming)


def only(moment: datetime) -> Expected:
    """Return a single fire that no cadence has foreseen: by hand."""
    return Expected(moment, moment, None, 0, None)


def _latest(cadence: Cadence, first: datetime, now: datetime) -> tuple[datetime, datetime | None]:
    """Return the last fire up to `now` and the one after it, by bisection: a month has 43,000."""
    latest, end = first, now
    while True:
        coming = cadence.next_after(latest)
        if coming is None or coming > now:
            return latest, coming
        latest = coming
        middle = latest + (end - latest) / 2
        beyond = cadence.next_after(middle)
        if beyond and beyond <= now:
            latest = beyond
        else:
            end = middle


def blocks(since: datetime | None, now: datetime) -> bool:
    """Whether a run that was started at `since` and has not ended keeps the next one away."""
    return since is not None and now - since <= SILENCE


def decide(
    fires: Expected, *, now: datetime, zone: str, busy: Busy | None = None, refusal: str = ""
) -> list[Decision]:
    """Return one decision for the latest fire, after one for all that were missed before it.

    `busy` is what still runs, if anything does; `refusal` is any other reason against a run that
    the caller knows. Reasons tell times in `zone`.
    """
    decisions = []
    if fires.missed:
        decisions.append(Decision(fires.first, _missed(fires, zone)))
    if busy and not refusal and blocks(busy.since, now):
        refusal = _overlapping(busy, zone)
    decisions.append(Decision(fires.latest, refusal))
    return decisions


def _missed(fires: Expected, zone: str) -> str:
    only = f"only the latest, {_local(fires.latest, zone)}, was."
    if fires.missed == 1:
        return f"Missed: no worker took this fire up in time; {only}"
    if fires.missed > MOST_COUNTED or fires.before_latest is None:
        return (
            f"Missed: no worker took up more than {MOST_COUNTED:,} fires, "
            f"from {_local(fires.first, zone)} on, in time; {only}"
        )
    return (
        f"Missed: no worker took up {fires.missed:,} fires, from {_local(fires.first, zone)} "
        f"to {_local(fires.before_latest, zone)}, in time; {only}"
    )


def _overlapping(busy: Busy, zone: str) -> str:
    return (
        f"The run of {_local(busy.expected_at, zone)} ({busy.run_id}) had not ended; "
        "runs of one schedule do not overlap."
    )


def _local(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone}"
