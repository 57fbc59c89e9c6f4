"""Making and changing schedules, as a page and as a dialog."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from core.http import UserRequest, close_dialog, is_fragment, redirect_to, render_page
from core.ids import uuid7
from operations import registry
from operations.forms import ParameterForm
from operations.registry import Operation
from preferences import services as preferences
from scheduling import meanwhile, pages, services
from scheduling.forms import (
    CLOCK,
    OFFERED,
    NewScheduleForm,
    ScheduleForm,
    dialect_choices,
    operation_choices,
    zone_names,
)
from scheduling.meanwhile import ChangedMeanwhile
from scheduling.models import Schedule
from scheduling.services import CADENCE, CHANGEABLE, NotPossible
from scheduling.views.actions import row_answer
from scheduling.views.webhooks import show_secret

FORM = "scheduling/schedule_form.html"
PARTS = {"dialog-body", "schedule-parameters"}
PREFIX = "parameters"
SUGGESTED = "0 9 * * MON-FRI"  # something to change, with its preview
MARK = "opened_with"  # what the schedule was when the form was opened
SHOWN = "parameters_of"  # the operation whose parameters the posted form has shown


@require_http_methods(["GET", "POST"])
def create_schedule(request: UserRequest) -> HttpResponse:
    """Ask for a new schedule, on GET for that of `operation` or a copy of `copy`; then make it."""
    source = _source(request)
    definition = _definition(request, source)
    data = request.POST if request.method == "POST" else None
    form = NewScheduleForm(data, initial=_initial(request, source, definition))
    is_shown = data is None or data.get(SHOWN) == definition.slug
    saved = source.parameters if source else {}
    type_ = form["type"].value()
    parameters = _parameters(request, definition, data if is_shown else None, saved, type_)
    if not is_shown or parameters.is_rearranged:
        form = NewScheduleForm(initial={**form.initial, **request.POST.dict()})
    if _are_valid(form, parameters):
        given = form.cleaned_data
        if given["type"] != Schedule.Type.CRON:
            given = {name: value for name, value in given.items() if name not in CLOCK}
        if given["type"] != Schedule.Type.WEBHOOK:
            given = {name: value for name, value in given.items() if name != "dialect"}
        try:
            schedule = services.create_schedule(
                owner=request.user,
                by=request.user,
                parameters=parameters.parameters,
                token=_token(request),
                **given,
            )
        except ValidationError as refusal:
            form.add_refusal(refusal)
        else:
            if schedule.new_secret is not None:
                return show_secret(request, schedule, is_new=True)
            messages.success(request, f"Created “{schedule}”.")
            return redirect_to(request, "list_schedules")
    context = {
        "form": form,
        "parameters": parameters,
        "saved": saved,
        "definition": definition,
        "token": _token(request) or uuid7(),
        "types": [(each.value, each.label, None) for each in OFFERED],
        "dialects": dialect_choices(),
    }
    return _show(request, context)


@require_http_methods(["GET", "POST"])
def edit_schedule(request: UserRequest, pk: UUID) -> HttpResponse:
    """Show a schedule as it is, then change it; in the list the answer is its row."""
    schedule = get_object_or_404(Schedule.objects.visible_to(request.user), pk=pk)
    if schedule.is_archived:
        raise NotPossible(f"“{schedule}” was deleted; only its history is left.")
    definition = registry.get(schedule.operation)
    data = request.POST if request.method == "POST" else None
    form = ScheduleForm(
        data,
        initial={name: getattr(schedule, name) for name in CHANGEABLE},
        has_clock=schedule.type == Schedule.Type.CRON,
    )
    parameters = _parameters(request, definition, data, schedule.parameters, schedule.type)
    if parameters.is_rearranged:
        form = ScheduleForm(
            initial={**form.initial, **request.POST.dict()}, has_clock=schedule.type == "cron"
        )
    mark = request.POST.get(MARK) or meanwhile.mark_of(schedule)
    is_from_list = "list" in (request.GET.get("from"), request.POST.get("from"))
    if _are_valid(form, parameters):
        try:
            services.change_schedule(
                schedule,
                by=request.user,
                mark=mark,
                parameters=parameters.parameters,
                **form.cleaned_data,
            )
        except ValidationError as refusal:
            form.add_refusal(refusal)
        except ChangedMeanwhile as refusal:  # told once: to save again is to mean it
            form.add_error(None, str(refusal))
            mark = meanwhile.mark_of(refusal.schedule)
        else:
            said = f"Saved “{form.cleaned_data['name']}”."
            if is_from_list and is_fragment(request):
                response = row_answer(request, schedule, {"text": said, "tone": "success"})
                response["HX-Retarget"], response["HX-Reswap"] = _row_id(schedule), "outerHTML"
                return close_dialog(response)
            messages.success(request, said)
            return redirect_to(request, "show_schedule", schedule.pk)
    context = {
        "form": form,
        "parameters": parameters,
        "saved": schedule.parameters,
        "definition": definition,
        "schedule": schedule,
        "mark": mark,
        "is_from_list": is_from_list,
    }
    return _show(request, context)


def _token(request: UserRequest) -> UUID | None:
    """Return the token of the posted form; None for what no page of ours has given out."""
    try:
        token = UUID(request.POST.get("token", ""))
    except ValueError:
        return None
    return token if token.version == 7 else None


def _row_id(schedule: Schedule) -> str:
    return f"#schedule-{schedule.pk}"


def _source(request: UserRequest) -> Schedule | None:
    """Return the schedule to copy, if one is named; somebody else's is not there."""
    try:
        pk = UUID(request.GET.get("copy", ""))
    except ValueError:
        return None
    return get_object_or_404(Schedule.objects.visible_to(request.user), pk=pk)


def _definition(request: UserRequest, source: Schedule | None) -> Operation[Any]:
    slug = request.POST.get("operation") or request.GET.get("operation")
    if source and not slug:
        slug = source.operation
    known = {operation.slug: operation for operation in registry.all_operations()}
    return known.get(slug or "") or known[operation_choices()[0][1][0][0]]


def _initial(
    request: UserRequest, source: Schedule | None, definition: Operation[Any]
) -> dict[str, Any]:
    initial: dict[str, Any] = {"zone": request.user.zone, "expression": SUGGESTED}
    if source:
        initial = {name: getattr(source, name) for name in (*CHANGEABLE, "type")}
        initial["dialect"] = source.dialect or Schedule.Dialect.STANDARD
        initial["name"] = f"{source.name[:112]}, copy"
    return initial | {"operation": definition.slug}


def _parameters(
    request: UserRequest, definition: Operation[Any], data: Any, saved: dict[str, Any], type_: str
) -> ParameterForm:
    """Return the form of the parameters; those of a webhook may leave some to its payload."""
    defaults = preferences.lookup(request.user.pk, definition.slug).parameters
    return ParameterForm(
        definition,
        data,
        initial=saved,
        defaults=defaults,
        prefix=PREFIX,
        is_partial=type_ == Schedule.Type.WEBHOOK,
    )


def _are_valid(form: ScheduleForm, parameters: ParameterForm) -> bool:
    """Check both, so that both say what is wrong."""
    return form.is_bound and all([form.is_valid(), parameters.is_valid()])


def _said(parameters: ParameterForm, saved: dict[str, Any]) -> dict[str, Any] | None:
    """Return the parameters that the form says, or None while they do not fit the operation."""
    if parameters.is_rearranged:
        return None
    if not parameters.is_bound:
        return saved
    return None if parameters.errors else parameters.parameters


def _show(request: UserRequest, context: dict[str, Any]) -> HttpResponse:
    form, parameters = context["form"], context["parameters"]
    is_refused = form.is_bound and bool(form.errors or parameters.errors)
    if is_refused:  # then the first field that is wrong has the focus
        form.fields["name"].widget.attrs.pop("autofocus", None)
    given = {name: str(form[name].value() or "") for name in form.fields if name in CADENCE}
    type_ = form["type"].value() if "type" in form.fields else Schedule.Type.CRON
    if "schedule" in context:
        type_ = context["schedule"].type
    is_cron = type_ == Schedule.Type.CRON
    context |= {
        "operations": operation_choices(),
        "zones": zone_names(),
        "shown": SHOWN,
        "is_new": "schedule" not in context,
        **pages.preview_context(
            request.user,
            given if is_cron else None,
            context["definition"].slug,
            _said(parameters, context.pop("saved")),
            timezone.now(),
            is_webhook=type_ == Schedule.Type.WEBHOOK,
        ),
    }
    # Without JavaScript nothing would switch the button on again.
    context["can_save"] = context["can_save"] or not is_fragment(request)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if is_refused else HTTPStatus.OK
    return render_page(request, FORM, context, partials=PARTS, status=status)
