from __future__ import annotations

from http import HTTPStatus
from math import ceil

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from accounts.forms import SignInForm
from core.http import UserRequest, render_page


class SignInView(LoginView):
    """Django's own, with a status that tells a refusal from a page."""

    form_class = SignInForm
    template_name = "accounts/sign_in.html"
    redirect_authenticated_user = True

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_invalid(form)
        wait = form.wait if isinstance(form, SignInForm) else None
        if wait is None:
            response.status_code = HTTPStatus.UNPROCESSABLE_ENTITY
        else:
            response.status_code = HTTPStatus.TOO_MANY_REQUESTS
            response["Retry-After"] = str(ceil(wait.total_seconds()))
        return response


sign_in = SignInView.as_view()


@require_GET
def home(request: UserRequest) -> HttpResponse:
    return render_page(request, "accounts/home.html")


@require_GET
@login_not_required
def sign_in_to_admin(request: HttpRequest) -> HttpResponse:
    """Send the admin's visitors to the one sign-in: a second one would be a second throttle."""
    if request.user.is_authenticated:
        raise PermissionDenied
    wanted = request.GET.get("next", reverse("admin:index"))
    return HttpResponseRedirect(f"{reverse('sign_in')}?{urlencode({'next': wanted})}")
