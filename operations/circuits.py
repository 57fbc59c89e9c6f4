"""May this provider be asked now? Circuit, pauses and rate allowance, shared by all workers.

One row a provider. It is read from memory (a quarter of a second old at most) and locked only when
something is to be written: a failure, a probe, or tokens of a provider that has limits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from operations.models import ProviderState
from providers.catalogue import ProviderInfo
from providers.protocol import ProviderError, RateLimited

FAILURES_TO_OPEN = 5
WINDOW = timedelta(seconds=60)  # failures further apart do not add up
OPEN_FOR = timedelta(seconds=60)
PATIENCE = timedelta(minutes=15)  # an outage may last so long before its runs fail
PROBE_FOR = timedelta(seconds=90)  # longer than a call may take
PAUSE_AFTER_429 = timedelta(seconds=1)  # when the provider names no time
LONGEST_LINE_S = 60.0  # who stands further back looks again after that
SHORTEST_WAIT_S = 0.001  # what rounding leaves over must not pass for no wait at all
BURST = 0.1  # of a minute's allowance may go out at once; the rest is spread over the minute
LONGEST_WAIT = timedelta(seconds=20)  # a provider that asks for more is left for the next one


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why a provider is not asked now. `until` is None when a person has to act."""

    why: str
    until: datetime | None
    since: datetime | None = None  # when the outage began
    is_rate: bool = False  # only our own allowance is used up: worth waiting for

    def __str__(self) -> str:
        return self.why if self.until is None else f"{self.why} until {self.until:%H:%M:%S} UTC"


class States:
    """The providers' rows, locked until the transaction ends."""

    def __init__(self, providers: Iterable[ProviderInfo]) -> None:
        self._infos = {info.name: info for info in providers}
        self._rows: dict[str, ProviderState] = {}
        self._changed: set[str] = set()
        self._turned_away: Counter[str] = Counter()
        names = sorted(self._infos)
        if not names:
            return
        rows = self._locked(names)
        if len(rows) < len(names):
            ProviderState.objects.bulk_create(
                [ProviderState(provider=name) for name in names], ignore_conflicts=True
            )
            rows = self._locked(names)
        self._rows = rows
        for name, row in rows.items():
            fingerprint = self._infos[name].key_fingerprint
            if row.key_fingerprint != fingerprint:  # another key starts with a clean slate
                row.key_fingerprint = fingerprint
                row.paused_reason = ""
                self._close(row)
                self._changed.add(name)

    @staticmethod
    def _locked(names: list[str]) -> dict[str, ProviderState]:
        rows = ProviderState.objects.filter(provider__in=names).order_by("provider")
        return {row.provider: row for row in rows.select_for_update()}

    def __contains__(self, provider: str) -> bool:
        return provider in self._rows

    def admit(self, provider: str, *, tokens: int, now: datetime) -> Blocked | None:
        """Take the allowance for one call of about `tokens` tokens, or say why not."""
        row = self._rows[provider]
        label = self._infos[provider].label
        if row.paused_reason:
            return Blocked(f"{label} is paused: {row.paused_reason}", None)
        if row.blocked_until and row.blocked_until > now:
            is_short = row.blocked_until - now <= LONGEST_WAIT
            return Blocked(f"{label} asked to wait", row.blocked_until, is_rate=is_short)
        if row.open_until:
            if row.open_until > now:
                return Blocked(f"{label} is down", row.open_until, row.down_since)
            if row.probe_until and row.probe_until > now:
                return Blocked(f"{label} is being probed", row.probe_until)
        wait_s = self._take(row, self._infos[provider], tokens, now)
        if wait_s:
            wait_s += self._place_in_line(provider)
            until = now + timedelta(seconds=wait_s)
            return Blocked(f"{label}'s rate limit is reached", until, is_rate=True)
        if row.open_until:
            row.probe_until = now + PROBE_FOR
            self._changed.add(provider)
        return None

    def give_back(self, provider: str, *, tokens: int) -> None:
        """Return what `admit` took: the call is not made after all."""
        row = self._rows[provider]
        row.probe_until = None
        for field, taken in (("requests_left", 1.0), ("tokens_left", float(tokens))):
            left = getattr(row, field)
            if left is not None:
                setattr(row, field, left + taken)
        self._changed.add(provider)

    def _place_in_line(self, provider: str) -> float:
        """Return the seconds that those turned away before this one, in this turn, will take.

        Without it a whole backlog would come back for the very next token, again and again.
        """
        place = self._turned_away[provider]
        self._turned_away[provider] += 1
        limit = self._infos[provider].requests_per_minute
        return min(place * 60 / limit, LONGEST_LINE_S) if limit else 0.0

    def _take(self, row: ProviderState, info: ProviderInfo, tokens: int, now: datetime) -> float:
        """Refill and take from both buckets, or from neither; return the seconds to wait.

        What may go out at once is taken off what flows in, so that no minute, wherever it begins,
        sees more than the limit.
        """
        elapsed = (now - row.filled_at).total_seconds() if row.filled_at else None
        wait_s = 0.0
        left: dict[str, float] = {}
        for field, limit, need in (
            ("requests_left", info.requests_per_minute, 1.0),
            ("tokens_left", info.tokens_per_minute, float(tokens)),
        ):
            if not limit:
                continue
            most = max(1.0, limit * BURST)
            flow = (limit - most + 1) / 60  # a second; the one is gone when its minute ends
            have = getattr(row, field)
            if have is None or elapsed is None:
                have = most
            else:
                have = min(most, have + max(0.0, elapsed) * flow)
            left[field] = have
            enough = min(need, most)  # a call larger than the bucket waits for a full one
            if have < enough:
                wait_s = max(wait_s, SHORTEST_WAIT_S, (enough - have) / flow)
        if wait_s or not left:
            return wait_s
        for field, need in (("requests_left", 1.0), ("tokens_left", float(tokens))):
            if field in left:
                setattr(row, field, left[field] - need)  # below zero: a debt that refills
        row.filled_at = now
        self._changed.add(row.provider)
        return 0.0

    def succeeded(self, provider: str) -> None:
        row = self._rows[provider]
        if row.failures or row.open_until:
            self._close(row)
            self._changed.add(provider)

    def failed(self, provider: str, error: ProviderError, *, now: datetime) -> None:
        row = self._rows[provider]
        if error.pauses_key:
            row.paused_reason = str(error)
        if isinstance(error, RateLimited):
            pause = timedelta(seconds=error.retry_after_s or 0) or PAUSE_AFTER_429
            row.blocked_until = max(now + pause, row.blocked_until or now)
        if error.trips_circuit:
            if row.open_until:  # the probe failed, or a straggler from before
                row.open_until = now + OPEN_FOR
                row.probe_until = None
            elif row.failing_since is None or now - row.failing_since > WINDOW:
                row.failing_since = now
                row.failures = 1
            else:
                row.failures += 1
            if row.failures >= FAILURES_TO_OPEN:
                row.open_until = now + OPEN_FOR
                row.down_since = row.failing_since
                row.failures = 0
        self._changed.add(provider)

    @staticmethod
    def _close(row: ProviderState) -> None:
        row.failures = 0
        row.failing_since = row.down_since = row.open_until = row.probe_until = None

    def save(self) -> None:
        for name in sorted(self._changed):
            self._rows[name].save()


def is_closed(row: ProviderState, info: ProviderInfo | None, now: datetime) -> bool:
    """Say whether claiming runs that wait for this provider is of no use now."""
    if row.blocked_until is not None and row.blocked_until > now:
        return True
    if row.open_until is not None and row.open_until > now:
        # After too long an outage its runs are claimed all the same: to be failed.
        return row.down_since is None or now - row.down_since < PATIENCE
    limit = info.requests_per_minute if info else None
    if not limit or row.requests_left is None or row.filled_at is None:
        return False
    since_s = (now - row.filled_at).total_seconds()
    return row.requests_left + since_s * limit / 60 < 1


def is_quiet(row: ProviderState | None, info: ProviderInfo, now: datetime) -> bool:
    """Say whether a call needs no look at the locked row: no limits, no trouble, the same key."""
    if info.requests_per_minute or info.tokens_per_minute:
        return False
    if row is None:
        return True
    return not (
        row.failures
        or row.open_until
        or row.paused_reason
        or (row.blocked_until is not None and row.blocked_until > now)
        or row.key_fingerprint != info.key_fingerprint
    )


def word_for(row: ProviderState, now: datetime) -> str:
    """Return the state of a provider's circuit in one word of the field."""
    if row.paused_reason:
        return "paused"
    if row.open_until:
        return "open" if row.open_until > now else "half-open"
    if row.blocked_until and row.blocked_until > now:
        return "waiting"
    return "closed"
