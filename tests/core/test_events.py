from __future__ import annotations

from typing import cast

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.test import AsyncClient, Client

from accounts.models import User
from core import live
from core.producer import producer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _region(monkeypatch: pytest.MonkeyPatch) -> None:
    live._discover()
    monkeypatch.setitem(live._regions, "probe", live.Region(lambda user, query: "", ("minute",)))


def get(user: User | None, *names: str) -> HttpResponse:
    client = AsyncClient()
    if user:
        client.force_login(user)
    return cast("HttpResponse", async_to_sync(client.get)("/events/", {"r": names}))


def test_a_stream_is_told_as_one_that_nobody_may_keep_or_hold_back(alice: User) -> None:
    response = get(alice, "probe")

    assert response.status_code == 200
    assert response.streaming
    assert response["Content-Type"] == "text/event-stream"
    assert response["Cache-Control"] == "no-cache"
    assert response["X-Accel-Buffering"] == "no"
    assert response["Content-Encoding"] == "identity"
    assert "default-src 'none'" in response["Content-Security-Policy"]


def test_who_is_signed_out_gets_401_and_no_redirect() -> None:
    assert get(None, "probe").status_code == 401


def test_a_deactivated_user_gets_401(alice: User) -> None:
    client = AsyncClient()
    client.force_login(alice)
    User.objects.update(is_active=False)

    assert async_to_sync(client.get)("/events/", {"r": "probe"}).status_code == 401


def test_an_unknown_part_is_refused_with_a_sentence(alice: User) -> None:
    response = get(alice, "probe", "weather")

    assert response.status_code == 400
    assert response.text == "There is no live part “weather”.\n"


def test_one_person_has_so_many_pages_open_at_most(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producer, "is_too_much", lambda user_id, names: True)

    assert get(alice, "probe").status_code == 429


def test_only_get_is_answered(as_alice: Client) -> None:
    assert as_alice.post("/events/").status_code == 405


def test_a_server_of_threads_gives_none_away(as_alice: Client) -> None:
    assert as_alice.get("/events/", {"r": "probe"}).status_code == 204
