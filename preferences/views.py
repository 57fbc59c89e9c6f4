from __future__ import annotations

import re
from http import HTTPStatus

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_POST, require_safe

from core.http import UserRequest, is_fragment, redirect_to, render_page, say
from core.middleware import page_before
from preferences import accents, context, services
from preferences.forms import DEFAULT_COLOUR, LookForm
from preferences.models import ThemePreference

YEAR_S = 31_536_000  # an address names its colour: what it answers changes with a release only


@require_GET
def show_settings(request: UserRequest) -> HttpResponse:
    return redirect_to(request, "show_appearance")


@require_GET
def show_appearance(request: UserRequest) -> HttpResponse:
    return _appearance(request)


@require_POST
def save_theme(request: UserRequest) -> HttpResponse:
    """Save what one control of the look was set to; the browser has applied it already."""
    form = LookForm(request.POST)
    if not form.is_valid():
        response = _appearance(request, form, HTTPStatus.UNPROCESSABLE_ENTITY)
        return say(response, " ".join(_sentences(form)), tone="danger")
    choice = services.save_theme(
        owner=request.user, changes=form.changes(), by=request.user, now=timezone.now()
    )
    if is_fragment(request):
        return context.remember(HttpResponse(status=HTTPStatus.NO_CONTENT), choice)
    back = page_before(request) or "show_appearance"
    return context.remember(redirect_to(request, back), choice)


@require_safe
@login_not_required
@cache_control(public=True, max_age=YEAR_S, immutable=True)
def show_accent(request: HttpRequest, colour: str) -> HttpResponse:
    """Show the stylesheet of a colour of one's own: the policy forbids inline styles."""
    if not re.fullmatch(r"[0-9a-f]{6}", colour):
        raise Http404
    return HttpResponse(accents.stylesheet(f"#{colour}"), content_type="text/css")


def _appearance(
    request: UserRequest, form: LookForm | None = None, status: int = HTTPStatus.OK
) -> HttpResponse:
    choice = services.theme_of(request.user.pk)
    is_own = choice.accent not in ThemePreference.Accent.values
    page = {
        "choice": choice,
        "is_own": is_own,
        "own_colour": choice.accent if is_own else DEFAULT_COLOUR,
        "themes": ThemePreference.Theme.choices,
        "accents": ThemePreference.Accent.choices,
        "problems": _sentences(form) if form else [],
    }
    response = render_page(request, "preferences/appearance.html", page, status=status)
    return context.remember(response, choice)


def _sentences(form: LookForm) -> list[str]:
    return [str(sentence) for problems in form.errors.values() for sentence in problems]
