"""Moments as people read them: near ones by their distance, all of them by a clock they know."""

from __future__ import annotations

from datetime import datetime, tzinfo

_MINUTE_S = 60
_HOUR_S = 3_600
_DAY_S = 86_400
_FAR_DAYS = 30  # beyond it a date says more than a distance


def distance(at: datetime, now: datetime, zone: tzinfo) -> str:
    """Return how far `at` is from `now`: “in 4 minutes”, “3 hours ago”, “tomorrow”, “in 10 days”.

    Days are counted on the calendar of `zone`, not in pieces of 24 hours. `static/js/app.js` keeps
    what is nearer than a day current, in the same words.
    """
    seconds = round((at - now).total_seconds())
    size = abs(seconds)
    if size < _MINUTE_S:
        return "in under a minute" if seconds > 0 else "just now"
    if size < _HOUR_S:
        return _told(seconds, size // _MINUTE_S, "minute")
    if size < _DAY_S:
        return _told(seconds, size // _HOUR_S, "hour")
    days = (at.astimezone(zone).date() - now.astimezone(zone).date()).days
    if abs(days) == 1:
        return "tomorrow" if days > 0 else "yesterday"
    if abs(days) <= _FAR_DAYS:
        return _told(days, abs(days), "day")
    return date(at, now, zone)


def clock(at: datetime, now: datetime, zone: tzinfo) -> str:
    """Return date and time by the clocks of `zone`: “Sun 22 Nov, 02:15”; with a foreign year."""
    local = at.astimezone(zone)
    return f"{local:%a} {date(at, now, zone)}, {local:%H:%M}"


def date(at: datetime, now: datetime, zone: tzinfo) -> str:
    """Return the day alone: “22 Nov”, “1 Dec 2027”."""
    local = at.astimezone(zone)
    year = "" if local.year == now.astimezone(zone).year else f" {local.year}"
    return f"{local.day} {local:%b}{year}"


def exact(at: datetime, zone: tzinfo) -> str:
    """Return all there is to say, with the zone's name: for a tooltip."""
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M:%S} {zone}"


def _told(sign: int, number: int, unit: str) -> str:
    words = f"{number} {unit}{'' if number == 1 else 's'}"
    return f"in {words}" if sign > 0 else f"{words} ago"
