"""Django's error report (the page with DEBUG, the mail without), with dots over secrets."""

from __future__ import annotations

from typing import Any

from django.utils.safestring import SafeString, mark_safe
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from core.secrets.masking import DOTS, is_secret_name, mask


class MaskingReporter(ExceptionReporter):
    """Mask the whole report: a secret may stand in a local variable, the source or the message."""

    def get_traceback_html(self) -> SafeString:
        return mark_safe(mask(super().get_traceback_html()))  # noqa: S308 - escaped before

    def get_traceback_text(self) -> SafeString:
        return mark_safe(mask(super().get_traceback_text()))  # noqa: S308 - plain text


class MaskingFilter(SafeExceptionReporterFilter):
    """Hide values by their names everywhere, with DEBUG too; Django does so for settings alone."""

    def is_active(self, request: Any) -> bool:
        return True

    def get_post_parameters(self, request: Any) -> Any:
        posted = super().get_post_parameters(request)
        return {name: DOTS if is_secret_name(name) else value for name, value in posted.items()}

    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> Any:
        variables = super().get_traceback_frame_variables(request, tb_frame)
        return [(name, DOTS if is_secret_name(name) else value) for name, value in variables]
