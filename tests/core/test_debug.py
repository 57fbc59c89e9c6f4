from __future__ import annotations

import sys

import pytest
from django.test import RequestFactory, override_settings
from django.views.debug import technical_500_response

from core.debug import MaskingReporter
from core.secrets import Secret

CANARY = "canary-0819-value"
TYPED = "typed-by-hand"


def report(*, as_text: bool) -> str:
    headers = {"accept": "text/plain" if as_text else "text/html"}
    request = RequestFactory().post("/x/", {"password": TYPED}, headers=headers)
    secret, revealed, password = Secret(CANARY), CANARY, "short"
    try:
        raise RuntimeError(f"wrong key {revealed} {secret} {len(password)}")
    except RuntimeError:
        kind, error, trace = sys.exc_info()
        return technical_500_response(request, kind, error, trace).content.decode()


@override_settings(DEBUG=True)
@pytest.mark.parametrize("as_text", [True, False])
def test_the_debug_page_shows_no_secret(*, as_text: bool) -> None:
    page = report(as_text=as_text)

    assert "RuntimeError" in page
    assert CANARY not in page
    assert TYPED not in page


@override_settings(DEBUG=False)
def test_the_mailed_report_shows_no_secret() -> None:
    secret = Secret(CANARY)
    try:
        raise RuntimeError(f"wrong key {secret.reveal()}")
    except RuntimeError:
        request = RequestFactory().get("/x/")
        kind, error, trace = sys.exc_info()
        reporter = MaskingReporter(request, kind, error, trace, is_email=True)
        told = reporter.get_traceback_text() + reporter.get_traceback_html()

    assert "RuntimeError" in told
    assert CANARY not in told
