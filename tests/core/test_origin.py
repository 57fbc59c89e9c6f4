from __future__ import annotations

from uuid import UUID

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.urls import path

from accounts.models import User
from audit import services as audit
from audit.models import AuditEvent
from config.urls import urlpatterns as pages_of_the_product
from core import origin

pytestmark = pytest.mark.urls(__name__)


@transaction.atomic
def do(request: HttpRequest) -> HttpResponse:
    audit.record("thing.done", target="thing:1", by=None)
    return HttpResponse("done")


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError


urlpatterns = [path("do/", do), path("fail/", fail), *pages_of_the_product]
handler500 = "core.views.server_error"


def test_what_a_request_does_names_its_address_and_its_id(as_alice: Client) -> None:
    response = as_alice.post(
        "/do/", headers={"X-Request-ID": "proxy-4711-ab"}, REMOTE_ADDR="2001:DB8::1"
    )

    event = AuditEvent.objects.get()
    assert (event.ip, event.request_id) == ("2001:db8::1", "proxy-4711-ab")
    assert response["X-Request-ID"] == "proxy-4711-ab"


@pytest.mark.parametrize(
    "given", ["", "short", "x" * 65, "with space", "a\x1b[31mred-line", "ä" * 9]
)
def test_an_id_that_is_not_sane_is_replaced(as_alice: Client, given: str) -> None:
    response = as_alice.post("/do/", headers={"X-Request-ID": given})

    assert UUID(response["X-Request-ID"])
    assert AuditEvent.objects.get().request_id == response["X-Request-ID"]


@pytest.mark.parametrize("word", ["", "unknown", "10.0.0.1:4711", "x" * 60])
def test_an_address_that_is_none_is_left_out(as_alice: Client, word: str) -> None:
    as_alice.post("/do/", REMOTE_ADDR=word)

    assert AuditEvent.objects.get().ip == ""


def test_nothing_of_a_request_outlives_it(alice: User) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(alice)

    assert client.post("/fail/").status_code == 500
    assert origin.current() == origin.Origin()


def test_what_no_request_does_names_neither(alice: User) -> None:
    event = audit.record("thing.swept", target="thing:1", by=None)

    assert (event.ip, event.request_id) == ("", "")


def test_the_id_reaches_a_view_that_runs_in_a_thread(alice: User) -> None:
    client = AsyncClient()
    client.force_login(alice)

    response = async_to_sync(client.post)("/do/", headers={"X-Request-ID": "proxy-4711-ab"})

    assert response.status_code == 200
    assert AuditEvent.objects.get().request_id == "proxy-4711-ab"
