"""The catalogue of operations, and trying one out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import reswap, retarget, trigger_client_event

from core.errors import DomainError
from core.http import UserRequest, is_fragment, redirect_to, render_page
from operations import outcomes, registry, reports, services, validation
from operations.forms import ModelForm, ParameterForm
from operations.models import Run
from operations.registry import Operation
from operations.services import Forecast
from preferences import services as preferences

PAGE = "operations/try_operation.html"


@require_GET
def list_operations(request: UserRequest) -> HttpResponse:
    kinds = reports.kinds_of(request.user, timezone.now())
    return render_page(
        request,
        "operations/operation_list.html",
        {
            "kinds": kinds,
            "total": reports.total(kinds),
            "off": sum(not card.is_enabled for kind in kinds for card in kind.cards),
        },
    )


@require_http_methods(["GET", "POST"])
def try_operation(request: UserRequest, slug: str) -> HttpResponse:
    """Show an operation's form with what a run would cost; a POST runs it once."""
    definition = _operation_or_404(slug)
    if request.method == "GET":
        return _show(request, definition, *_filled_in(request, definition))
    form, model = _posted(request, definition)
    if form.is_rearranged:
        response = _show(request, definition, form, model)
        return trigger_client_event(response, "parameters-changed", {}, after="swap")
    if not (form.is_valid() and model.is_valid()) or "estimate" in request.POST:
        return _show(request, definition, form, model)
    try:
        run = services.try_out(
            owner=request.user,
            operation=slug,
            parameters=form.parameters,
            model=model.cleaned_data["model"],
            token=_token(request.POST),
        )
    except validation.InvalidParameters as refusal:  # the preferences have changed meanwhile
        form.add_problems(refusal.problems)
        return _show(request, definition, form, model)
    except services.NoRoom:  # said once, where it would have been said before
        if not is_fragment(request):
            return _show(request, definition, form, model, status=HTTPStatus.CONFLICT)
        context = _forecast(request, definition, form.parameters, model.chosen)
        response = _estimate(request, context, status=HTTPStatus.CONFLICT)
        return reswap(retarget(response, "#estimate"), "outerHTML")
    if not is_fragment(request):
        return redirect_to(request, "show_run", run.pk)
    context = {**outcomes.context_of(run), "token": uuid4()}
    response = HttpResponse(render_to_string(f"{PAGE}#try-result", context, request=request))
    response["HX-Reswap"] = "outerHTML show:#try-result:top"
    return retarget(response, "#try-result")


@require_POST
def estimate_operation(request: UserRequest, slug: str) -> HttpResponse:
    """Show what a run of the form as it stands would cost; nothing is run."""
    definition = _operation_or_404(slug)
    form, model = _posted(request, definition)
    if form.is_valid() and model.is_valid():
        given: Any = form.parameters
    else:
        given = None
    context = _forecast(request, definition, given, model.chosen)
    if form.is_too_large:
        said = form.errors.get("__all__") or form.errors.get("json") or ()
        context["refusal"] = " ".join(map(str, said))
    return _estimate(request, context)


def _estimate(
    request: UserRequest, context: dict[str, Any], status: int = HTTPStatus.OK
) -> HttpResponse:
    """Return the estimate's panel, with the button where that is taken or given back."""
    is_changed = bool(context["refusal"]) != bool(request.POST.get("refused"))
    text = render_to_string(
        f"{PAGE}#estimate", {**context, "is_button_changed": is_changed}, request=request
    )
    return HttpResponse(text, status=status)


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
    context = {
        "id": f"id_{prefix}{node.name}",
        "pasted": pasted,
        "unpack": f"{prefix}unpack" if node.shape.has_rows else "",
        "name": node.name,
    }
    return render_page(request, "operations/_pasted.html", context)


def _operation_or_404(slug: str) -> Operation[Any]:
    try:
        return registry.get(slug)
    except registry.UnknownOperation:
        raise Http404 from None


def _filled_in(request: UserRequest, definition: Operation[Any]) -> tuple[ParameterForm, ModelForm]:
    """Return the forms as the address asks for: empty, an example, or those of an earlier run."""
    initial: dict[str, Any] = {}
    model = ""
    if "example" in request.GET:
        initial = dict(definition.example or {})
    elif "from" in request.GET:
        run = _run_or_404(request, definition, request.GET["from"])
        initial = run.parameters if isinstance(run.parameters, dict) else {}
        model = run.requested_model
    form = ParameterForm(
        definition,
        initial=initial,
        defaults=preferences.lookup(request.user.pk, definition.slug).parameters,
        as_json=request.GET.get("as") == "json",
    )
    return form, ModelForm(definition, owner=request.user, initial={"model": model})


def _run_or_404(request: UserRequest, definition: Operation[Any], pk: str) -> Run:
    try:
        wanted = UUID(pk)
    except ValueError:
        raise Http404 from None
    runs = Run.objects.visible_to(request.user)
    return get_object_or_404(runs, pk=wanted, operation=definition.slug)


def _posted(request: UserRequest, definition: Operation[Any]) -> tuple[ParameterForm, ModelForm]:
    form = ParameterForm(
        definition,
        request.POST,
        defaults=preferences.lookup(request.user.pk, definition.slug).parameters,
    )
    return form, ModelForm(definition, request.POST, owner=request.user)


def _token(posted: QueryDict) -> UUID | None:
    try:
        return UUID(posted.get("token", ""))
    except ValueError:
        return None


def _show(
    request: UserRequest,
    definition: Operation[Any],
    form: ParameterForm,
    model: ModelForm,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    has_errors = form.is_bound and bool(form.errors or model.errors)
    form.focus_on_error()
    given = None
    if not has_errors:
        given = form.parameters if form.is_bound else form.shown
    context = {
        **_forecast(request, definition, given, model.chosen),
        "parameters": form,
        "model": model,
        "token": uuid4(),
        "has_workers": reports.has_workers(),
    }
    return render_page(
        request, PAGE, context, partials={"try-form"}, status=422 if has_errors else status
    )


def _forecast(
    request: UserRequest, definition: Operation[Any], given: dict[str, Any] | None, model: str
) -> dict[str, Any]:
    """Return what the estimate's panel shows: figures, or why there are none."""
    forecast: Forecast | None = None
    refusal, is_unready = "", given is None
    if given is not None:
        try:
            forecast = services.estimate_of(
                owner=request.user, operation=definition.slug, parameters=given, model=model
            )
            refusal = forecast.refusal
        except validation.InvalidParameters:
            is_unready = True
        except DomainError as error:
            refusal = str(error)
    return {
        "operation": definition,
        "forecast": forecast,
        "refusal": refusal,
        "is_unready": is_unready,
        "is_enabled": preferences.lookup(request.user.pk, definition.slug).enabled,
    }
