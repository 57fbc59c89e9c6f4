"""How often somebody may try a password: counted in rows, which all processes share."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F
from django.utils.crypto import salted_hmac

from accounts.models import SignInAttempts

MOST_ATTEMPTS = 5
WINDOW = timedelta(minutes=15)  # 480 guesses a day: too few for any password we accept


def take_attempt(username: str, address: str, *, now: datetime) -> timedelta | None:
    """Count one attempt. Returns None when it may be made, else how long to wait.

    The attempt is counted before the password is looked at, in one conditional update, so that
    many at once get no more tries than one after the other.
    """
    rows = SignInAttempts.objects.filter(key=_key(username, address))
    SignInAttempts.objects.filter(since__lte=now - WINDOW).delete()
    row, is_first = rows.get_or_create(key=_key(username, address), defaults={"since": now})
    if is_first or rows.filter(count__lt=MOST_ATTEMPTS).update(count=F("count") + 1):
        return None
    return row.since + WINDOW - now


def forget_attempts(username: str, address: str) -> None:
    SignInAttempts.objects.filter(key=_key(username, address)).delete()


def _key(username: str, address: str) -> str:
    # People type passwords into the wrong field: what they typed is not stored.
    return salted_hmac("accounts.throttle", f"{address}\n{username.casefold()}").hexdigest()
