"""What an expression comes to, told while it is being typed."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from core.http import UserRequest, is_fragment, render_page
from operations import registry
from operations.forms import ParameterForm
from preferences import services as preferences
from scheduling import pages
from scheduling.forms import zone_names
from scheduling.models import Schedule
from scheduling.services import CADENCE

PAGE = "scheduling/schedule_preview.html"
PREFIX = "parameters"


@require_http_methods(["GET", "POST"])
def preview_cadence(request: UserRequest) -> HttpResponse:
    """Answer the fields of a schedule's form; POST carries parameters too long for an address."""
    asked = request.POST if request.method == "POST" else request.GET
    given = {name: asked.get(name, "") for name in CADENCE}
    given["zone"] = given["zone"] or request.user.zone
    known = {operation.slug: operation for operation in registry.all_operations()}
    definition = known.get(asked.get("operation", ""))
    parameters = None
    if definition is not None and request.method == "POST":
        defaults = preferences.lookup(request.user.pk, definition.slug).parameters
        form = ParameterForm(definition, request.POST, defaults=defaults, prefix=PREFIX)
        parameters = form.parameters if form.is_valid() else None
    type_ = asked.get("type", Schedule.Type.CRON)
    context = pages.preview_context(
        request.user,
        given if type_ == Schedule.Type.CRON else None,
        definition.slug if definition else "",
        parameters,
        timezone.now(),
        is_webhook=type_ == Schedule.Type.WEBHOOK,
    )
    context |= {
        "given": given,
        "zones": zone_names(),
        "is_part": is_fragment(request),
        "is_new": "existing" not in asked,
        "has_cost": definition is not None,
    }
    return render_page(request, PAGE, context, partials={"cadence-preview"})
