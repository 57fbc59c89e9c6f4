"""The catalogue of operations, and trying one out."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_POST

from core.http import UserRequest, render_page
from operations import registry
from operations.forms import ParameterForm
from operations.registry import Operation


def _operation_or_404(slug: str) -> Operation[Any]:
    try:
        return registry.get(slug)
    except registry.UnknownOperation:
        raise Http404 from None


@require_POST
def preview_parameters(request: UserRequest, slug: str) -> HttpResponse:
    """Show what is understood of the text that is being pasted into one list of a form."""
    definition = _operation_or_404(slug)
    node = ParameterForm(definition).list_called(request.POST.get("list", ""))
    if node is None:
        raise Http404
    field = request.POST.get("field", "")
    pasted = node.read(request.POST.get(field, ""))
    prefix = field.removesuffix(f"{node.name}-paste")
    context = {"id": f"id_{prefix}{node.name}", "pasted": pasted}
    return render_page(request, "operations/_pasted.html", context)
