from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from django.utils import timezone

from accounts.models import User
from config.urls import urlpatterns as all_of_them


def tell_zone(request: HttpRequest) -> HttpResponse:
    return HttpResponse(timezone.get_current_timezone_name())


urlpatterns = [path("zone/", tell_zone), *all_of_them]

pytestmark = pytest.mark.urls(__name__)


def test_times_are_told_in_the_readers_zone(as_alice: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(zone="Pacific/Chatham")

    assert as_alice.get("/zone/").content == b"Pacific/Chatham"


def test_the_zone_does_not_outlive_the_request(as_alice: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(zone="Pacific/Chatham")
    as_alice.get("/zone/")

    assert timezone.get_current_timezone_name() == "UTC"


def test_a_page_asked_for_signed_out_leads_to_the_sign_in() -> None:
    response = Client().get("/zone/")

    assert (response.status_code, response["Location"]) == (302, "/sign-in/?next=/zone/")


def test_a_part_asked_for_signed_out_moves_the_whole_page_to_the_sign_in() -> None:
    response = Client().post(
        "/zone/",
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/runs/?status=failed"},
    )

    assert response.status_code == 401
    assert response["HX-Redirect"] == "/sign-in/?next=%2Fruns%2F%3Fstatus%3Dfailed"
    assert response.content == b""


def test_a_part_asked_for_from_elsewhere_leads_back_to_no_foreign_page() -> None:
    response = Client().get(
        "/zone/", headers={"HX-Request": "true", "HX-Current-URL": "https://evil.example/x"}
    )

    assert response["HX-Redirect"] == "/sign-in/?next=%2F"
