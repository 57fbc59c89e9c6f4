from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from accounts.models import User
from config.urls import urlpatterns as pages_of_the_product
from core.errors import DomainError
from core.http import redirect_to, render_page
from core.views import error_page

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


def show(request: HttpRequest) -> HttpResponse:
    return render_page(request, "page.html", {"name": "<alice>"}, partials={"rows"})


def move(request: HttpRequest) -> HttpResponse:
    return redirect_to(request, "/elsewhere/")


def refuse(request: HttpRequest) -> HttpResponse:
    raise DomainError("The <budget> is empty; raise its limit.")


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("password=canary-4711-value")


urlpatterns = [
    path("", show, name="home"),
    path("show/", show),
    path("move/", move),
    path("refuse/", refuse),
    path("fail/", fail),
    path("sign-in/", show, name="sign_in"),
    *pages_of_the_product,
]
handler500 = "core.views.server_error"

PAGE = """{% load partials %}<h1>whole</h1>
{% partialdef rows inline %}<p id="rows">rows {{ name }}</p>{% endpartialdef %}"""


@pytest.fixture
def _page(tmp_path: Path, settings: Any) -> None:
    """Put a page where the templates are; all else stays as it is set."""
    (tmp_path / "page.html").write_text(PAGE)
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]


as_htmx = {"HX-Request": "true"}


@pytest.mark.usefixtures("_page")
@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "whole"),
        (as_htmx, "whole"),
        ({**as_htmx, "HX-Target": "rows"}, "rows"),
        ({**as_htmx, "HX-Target": "secrets"}, "whole"),
        ({**as_htmx, "HX-Target": "rows", "HX-Boosted": "true"}, "whole"),
        ({**as_htmx, "HX-Target": "rows", "HX-History-Restore-Request": "true"}, "whole"),
        ({"HX-Target": "rows"}, "whole"),
    ],
)
def test_htmx_gets_a_listed_partial_and_everybody_else_the_page(
    as_alice: Client, headers: dict[str, str], said: str
) -> None:
    response = as_alice.get("/show/", headers=headers)

    assert ("whole" in response.content.decode()) is (said == "whole")
    assert '<p id="rows">rows &lt;alice&gt;</p>' in response.content.decode()
    assert "HX-Request" in response["Vary"]


def test_a_browser_is_redirected(as_alice: Client) -> None:
    response = as_alice.post("/move/")

    assert (response.status_code, response["Location"]) == (302, "/elsewhere/")


def test_htmx_is_told_to_move(as_alice: Client) -> None:
    response = as_alice.post("/move/", headers=as_htmx)

    assert (response.status_code, response["HX-Redirect"]) == (200, "/elsewhere/")


def test_a_refusal_goes_back_with_a_message(as_alice: Client) -> None:
    response = as_alice.post("/refuse/", headers={"Referer": "http://testserver/show/?page=2"})

    assert (response.status_code, response["Location"]) == (302, "http://testserver/show/?page=2")
    told = [str(message) for message in get_messages(response.wsgi_request)]
    assert told == ["The <budget> is empty; raise its limit."]


def test_a_refusal_without_a_page_before_has_its_own(as_alice: Client) -> None:
    response = as_alice.post("/refuse/")

    assert response.status_code == 409
    assert "The &lt;budget&gt; is empty; raise its limit." in response.content.decode()


@pytest.mark.parametrize(
    "referer",
    ["https://evil.example/", "//evil.example/x", "javascript:x", "show_it", "?x", "http://["],
)
def test_a_refusal_leads_to_a_page_of_ours_or_nowhere(as_alice: Client, referer: str) -> None:
    assert as_alice.post("/refuse/", headers={"Referer": referer}).status_code == 409


def test_a_page_that_refuses_itself_does_not_go_in_circles(as_alice: Client) -> None:
    response = as_alice.get("/refuse/", headers={"Referer": "http://testserver/refuse/"})

    assert response.status_code == 409


def test_htmx_gets_a_refusal_as_a_toast(as_alice: Client) -> None:
    response = as_alice.post("/refuse/", headers=as_htmx)

    assert (response.status_code, response["HX-Retarget"]) == (409, "#toasts")
    assert "The &lt;budget&gt; is empty" in response.content.decode()
    assert "<html" not in response.content.decode()


@pytest.mark.parametrize("is_debug", [True, False])
def test_an_error_page_shows_no_secret(alice: User, *, is_debug: bool) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(alice)

    with override_settings(DEBUG=is_debug):
        response = client.get("/fail/")

    assert response.status_code == 500
    assert ("RuntimeError" in response.content.decode()) is is_debug
    assert "canary-4711-value" not in response.content.decode()


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_error_pages_stand_in_the_one_document(status: int) -> None:
    page = error_page(HttpRequest(), HTTPStatus(status)).content.decode()

    assert page.count("<html") == page.count("<main") == page.count('id="toasts"') == 1
