"""How the page looks, for the attributes of `<html>`: known before its first byte, so no flash."""

from __future__ import annotations

import logging
import re
from dataclasses import astuple, dataclass, fields
from typing import Any, Final

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from preferences import services
from preferences.models import ThemePreference
from preferences.services import ThemeChoice

log = logging.getLogger(__name__)

COOKIE: Final = "helix_look"
COOKIE_AGE_S: Final = 365 * 86_400
OWN: Final = "own"
_OWN_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
_FLAGS: Final = {"0": False, "1": True}


@dataclass(frozen=True, slots=True)
class Look:
    """The attributes of `<html>`; `accent_css` is the stylesheet of a colour of one's own."""

    theme: str
    accent: str
    accent_css: str
    density: str
    sidebar: str
    zone: str


def look(request: HttpRequest) -> dict[str, Any]:
    """Give templates `look`, which costs nothing on a page that does not ask for it."""
    return {"look": SimpleLazyObject(lambda: look_of(request))}


def look_of(request: HttpRequest) -> Look:
    """Return the look of the signed-in person, else of whoever last used this browser.

    An error page must be shown when the database is what failed; it gets the browser's look.
    """
    cookie = _from_cookie(request.COOKIES.get(COOKIE, ""))
    try:
        user = getattr(request, "user", None)
        if user is not None and user.is_authenticated:
            return _drawn(services.theme_of(user.pk, unless=cookie), user.zone)
    except Error as error:
        log.warning("The look of a page comes from its cookie, the database failed: %s", error)
    return _drawn(cookie or ThemeChoice(), settings.TIME_ZONE)


def remember(response: HttpResponse, choice: ThemeChoice) -> HttpResponse:
    """Keep `choice` in the browser, for the pages it shows to nobody in particular."""
    words = [str(int(each)) if isinstance(each, bool) else each for each in astuple(choice)]
    response.set_cookie(
        COOKIE,
        ".".join(words).replace("#", ""),
        max_age=COOKIE_AGE_S,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


def _from_cookie(value: str) -> ThemeChoice | None:
    """Return what `remember` wrote, or None for anything else."""
    words = value.split(".")
    if len(words) != len(fields(ThemeChoice)):
        return None
    theme, accent, compact, folded = words
    if accent not in ThemePreference.Accent.values:
        accent = f"#{accent}"
    if (
        theme not in ThemePreference.Theme.values
        or (accent.startswith("#") and not _OWN_COLOUR.fullmatch(accent.lower()))
        or compact not in _FLAGS
        or folded not in _FLAGS
    ):
        return None
    return ThemeChoice(theme, accent, _FLAGS[compact], _FLAGS[folded])


def _drawn(choice: ThemeChoice, zone: str) -> Look:
    colour = choice.accent.lower()
    is_own = bool(_OWN_COLOUR.fullmatch(colour))
    names = ThemePreference.Accent
    accent = choice.accent if choice.accent in names.values else names.BLUE
    return Look(
        theme=choice.theme,
        accent=OWN if is_own else accent,
        accent_css=reverse("show_accent", args=[colour.removeprefix("#")]) if is_own else "",
        density="compact" if choice.is_compact else "",
        sidebar="folded" if choice.is_sidebar_folded else "",
        zone=zone,
    )
