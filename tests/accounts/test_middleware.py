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
