"""What a person sets for the operations: the table of all of them, and the budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from django_htmx.http import reswap, retarget

from accounts.models import User
from core.http import UserRequest, close_dialog, is_fragment, redirect_to, render_page, say
from core.units import usd
from operations import registry, services
from operations.forms import ParameterForm
from operations.forms.settings import LimitForm, OperationForm
from operations.registry import Operation
from operations.services import BudgetReport
from operations.validation import InvalidParameters
from preferences import services as preferences
from providers import catalogue

GET_AND_POST = ["GET", "POST"]
TOTAL = "total"  # the scope of the budget over everything
ZERO = Decimal(0)
NEARLY = Decimal("0.8")  # the second mark of the bar


# --- the table of operations --------------------------------------------------------------------


@require_http_methods(GET_AND_POST)
def edit_operations(request: UserRequest) -> HttpResponse:
    """Show all operations in one table, and save what was changed in it as a whole."""
    if request.method != "POST":
        return _operations_page(request, _operation_forms(request.user))
    forms = _operation_forms(request.user, request.POST)
    if not all(form.is_valid() for form in forms if form.is_bound):
        return _operations_page(request, forms, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    changed = [form for form in forms if form.is_bound and form.has_changed()]
    changes = {form.operation.slug: form.changes() for form in changed}
    services.save_preferences(owner=request.user, changes=changes, by=request.user)
    said = _saved(changed)
    if is_fragment(request):
        return say(_operations_page(request, _operation_forms(request.user)), said)
    messages.success(request, said)
    return redirect_to(request, "edit_operations")


def _operation_forms(user: User, data: QueryDict | None = None) -> list[OperationForm]:
    """Return a form per operation, bound where `data` holds its row.

    A page that was opened before an operation came says nothing about it.
    """
    operations = registry.all_operations()
    choices = preferences.lookup_many((user.pk, each.slug) for each in operations)
    snapshot = catalogue.snapshot()
    return [
        OperationForm(
            data if data and each.slug in data.getlist("operation") else None,
            operation=each,
            choice=choices[user.pk, each.slug],
            catalogue=snapshot,
        )
        for each in operations
    ]


def _operations_page(
    request: HttpRequest, forms: Sequence[OperationForm], status: int = HTTPStatus.OK
) -> HttpResponse:
    page = {
        "forms": forms,
        "enabled": sum(form.choice.enabled for form in forms),
        "problems": sum(bool(form.errors) for form in forms),
        "is_fragment": is_fragment(request),
    }
    return render_page(
        request,
        "operations/settings_operations.html",
        page,
        partials={"operations-form"},
        status=status,
    )


def _saved(forms: Sequence[OperationForm]) -> str:
    match forms:
        case []:
            return "Nothing was changed."
        case [form]:
            return f"Saved {form.operation.title}."
    return f"Saved {len(forms)} operations."


@require_http_methods(GET_AND_POST)
def edit_parameters(request: UserRequest, slug: str) -> HttpResponse:
    """Show and save the default parameters of one operation; a dialog of the table."""
    operation = _operation_or_404(slug)
    choice = preferences.lookup(request.user.pk, slug)
    form = ParameterForm(
        operation,
        request.POST if request.method == "POST" else None,
        initial=choice.parameters,
        prefix="parameters",
        is_partial=True,
    )
    if request.method == "POST" and not form.is_rearranged and form.is_valid():
        changes = {slug: {"parameters": form.parameters}}
        try:
            services.save_preferences(owner=request.user, changes=changes, by=request.user)
        except InvalidParameters as refusal:
            form.add_problems(refusal.problems)
        else:
            return _parameters_saved(request, operation)
    return render_page(
        request,
        "operations/settings_parameters.html",
        {"operation": operation, "form": form},
        partials={"dialog-body"},
        status=HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK,
    )


def _parameters_saved(request: UserRequest, operation: Operation[Any]) -> HttpResponse:
    said = f"Saved the default parameters of {operation.title}."
    if not is_fragment(request):
        messages.success(request, said)
        return redirect_to(request, "edit_operations")
    link = {"operation": operation, "choice": preferences.lookup(request.user.pk, operation.slug)}
    response = render_page(request, "operations/_parameters_link.html", link)
    target = f"#parameters-{operation.slug}"
    return close_dialog(say(reswap(retarget(response, target), "outerHTML"), said))


def _operation_or_404(slug: str) -> Operation[Any]:
    try:
        return registry.get(slug)
    except registry.UnknownOperation:
        raise Http404 from None


# --- budgets ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """A budget as the page shows it; `form` is None where nobody can set a limit any more."""

    report: BudgetReport
    title: str
    form: LimitForm | None

    @property
    def is_idle(self) -> bool:
        """Say whether there is nothing to show: no limit, nothing spent, nothing held."""
        report = self.report
        is_empty = report.limit_usd is None and not report.spent_usd and not report.held_usd
        return is_empty and report.scope != TOTAL

    @property
    def tone(self) -> str:
        return {"Over the limit": "danger", "Limit reached": "danger"}.get(self.word, "warning")

    @property
    def word(self) -> str:
        """Say where the month stands; "" where there is nothing to say."""
        limit, spent, held = self.report.limit_usd, self.report.spent_usd, self.report.held_usd
        if limit is None:
            return ""
        if spent > limit:
            return "Over the limit"
        if spent + held >= limit:
            return "Limit reached"
        used = (spent + held) / limit
        return f"{int(used * 100)}% used" if used >= NEARLY else ""


@require_http_methods(GET_AND_POST)
def edit_budgets(request: UserRequest) -> HttpResponse:
    """Show what each budget has spent, and set or lift one limit."""
    if request.method != "POST":
        return _budgets_page(request)
    scope = request.POST.get("scope", "")
    row = next((each for each in _budget_rows(request.user) if each.report.scope == scope), None)
    if row is None or row.form is None:
        raise Http404
    form = LimitForm(request.POST, prefix=scope)
    is_lifted = "lift" in request.POST
    if not is_lifted and not form.is_valid():
        return _budgets_page(request, replace(row, form=form))
    limit = None if is_lifted else form.cleaned_data["limit"]
    services.set_budget(
        owner=request.user,
        limit_usd=limit,
        operation="" if scope == TOTAL else scope,
        by=request.user,
    )
    said = (
        f"{row.title} has no limit now."
        if limit is None
        else f"{row.title} may spend {usd(limit)} a month."
    )
    if is_fragment(request):
        return say(_budgets_page(request, changed=scope), said)
    messages.success(request, said)
    return redirect_to(request, f"{reverse('edit_budgets')}#budget-{scope}")


def _budget_rows(user: User) -> list[BudgetRow]:
    """Return the total first, then every operation, then what was spent on those that are gone."""
    reports = {report.scope: report for report in services.budgets_of(user)}
    nothing = replace(reports[TOTAL], limit_usd=None, spent_usd=ZERO, held_usd=ZERO)
    titles = {TOTAL: "Everything"} | {each.slug: each.title for each in registry.all_operations()}
    return [
        BudgetRow(
            report=report,
            title=titles.get(scope, scope),
            form=LimitForm(prefix=scope, initial={"limit": report.limit_usd})
            if scope in titles
            else None,
        )
        for scope in dict.fromkeys([*titles, *reports])
        for report in [reports.get(scope, replace(nothing, scope=scope))]
    ]


def _budgets_page(
    request: UserRequest, refused: BudgetRow | None = None, *, changed: str = ""
) -> HttpResponse:
    """Answer with the page, or with the one row that htmx has sent."""
    rows = [
        refused if refused and refused.report.scope == row.report.scope else row
        for row in _budget_rows(request.user)
    ]
    status = HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.OK
    scope = refused.report.scope if refused else changed
    if scope and is_fragment(request):
        row = next(each for each in rows if each.report.scope == scope)
        part = {"row": row, "total": rows[0].report, "is_fragment": True}
        return render_page(request, "operations/_budget_row.html", part, status=status)
    page = {"rows": rows, "total": rows[0].report}
    return render_page(request, "operations/settings_budgets.html", page, status=status)
