from __future__ import annotations

from http import HTTPStatus
from math import ceil

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from accounts.forms import OwnPasswordForm, SignInForm


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


@staff_member_required
def change_own_password(request: HttpRequest) -> HttpResponseBase:
    """Show the admin's page for it, with a form that records the change."""
    view = PasswordChangeView.as_view(
        form_class=OwnPasswordForm,
        success_url=reverse("admin:password_change_done"),
        extra_context=admin.site.each_context(request),
    )
    return view(request)


@require_GET
@login_not_required
def sign_in_to_admin(request: HttpRequest) -> HttpResponse:
    """Send the admin's visitors to the one sign-in: a second one would be a second throttle."""
    if request.user.is_authenticated:
        raise PermissionDenied
    wanted = request.GET.get("next", reverse("admin:index"))
    return HttpResponseRedirect(f"{reverse('sign_in')}?{urlencode({'next': wanted})}")
