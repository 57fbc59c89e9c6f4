from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import SignInAttempts, User
from accounts.throttle import MOST_ATTEMPTS, WINDOW
from tests.builders import PASSWORD

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def sign_in(
    username: str, password: str, address: str = "10.0.0.1", **extra: str
) -> tuple[int, str]:
    data = {"username": username, "password": password, **extra}
    response = Client().post("/sign-in/", data, REMOTE_ADDR=address)
    return response.status_code, response.content.decode()


def test_the_sign_in_page_stands_alone() -> None:
    page = Client().get("/sign-in/").content.decode()

    assert "<h1>Sign in</h1>" in page
    assert 'autocomplete="current-password"' in page


def test_the_right_password_leads_home(alice: User) -> None:
    client = Client()
    response = client.post("/sign-in/", {"username": "alice", "password": PASSWORD})

    assert (response.status_code, response["Location"]) == (302, "/")
    assert "<h1>Overview</h1>" in client.get("/").content.decode()


def test_signing_in_leads_to_the_page_that_was_wanted(alice: User) -> None:
    data = {"username": "alice", "password": PASSWORD, "next": "/admin/"}

    assert Client().post("/sign-in/", data)["Location"] == "/admin/"


def test_signing_in_never_leads_to_another_site(alice: User) -> None:
    data = {"username": "alice", "password": PASSWORD, "next": "https://evil.example/"}

    assert Client().post("/sign-in/", data)["Location"] == "/"


def test_a_wrong_password_is_refused(alice: User) -> None:
    status, page = sign_in("alice", "wrong")

    assert status == 422
    assert "Please enter a correct username and password" in page
    assert "wrong" not in page


def test_an_inactive_user_is_refused(alice: User) -> None:
    User.objects.update(is_active=False)

    assert sign_in("alice", PASSWORD)[0] == 422


def test_pages_ask_a_visitor_to_sign_in() -> None:
    response = Client().get("/")

    assert (response.status_code, response["Location"]) == (302, "/sign-in/?next=/")


def test_signing_out_ends_the_session(as_alice: Client) -> None:
    response = as_alice.post("/sign-out/")

    assert response["Location"] == "/sign-in/"
    assert as_alice.get("/").status_code == 302


def test_signing_out_by_a_link_is_refused(as_alice: Client) -> None:
    assert as_alice.get("/sign-out/").status_code == 405


@time_machine.travel(NOW, tick=False)
def test_five_failures_close_the_door_even_to_the_right_password(alice: User) -> None:
    for _ in range(MOST_ATTEMPTS):
        assert sign_in("alice", "wrong")[0] == 422

    status, page = sign_in("ALICE", PASSWORD)

    assert status == 429
    assert "Wait 15 min, then try again." in page


@time_machine.travel(NOW, tick=False)
def test_a_refusal_says_when_to_come_back(alice: User) -> None:
    for _ in range(MOST_ATTEMPTS):
        sign_in("alice", "wrong", "127.0.0.1")

    response = Client().post("/sign-in/", {"username": "alice", "password": "wrong"})

    assert response["Retry-After"] == "900"


def test_the_door_opens_again_after_a_while(alice: User) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(MOST_ATTEMPTS + 1):
            sign_in("alice", "wrong")
        clock.shift(WINDOW - timedelta(seconds=1))
        assert sign_in("alice", PASSWORD)[0] == 429
        clock.shift(1)

        assert sign_in("alice", PASSWORD)[0] == 302


@pytest.mark.parametrize(("username", "address"), [("bob", "10.0.0.1"), ("alice", "10.0.0.2")])
def test_others_are_not_held_up(alice: User, bob: User, username: str, address: str) -> None:
    for _ in range(MOST_ATTEMPTS + 1):
        sign_in("alice", "wrong", "10.0.0.1")

    assert sign_in(username, PASSWORD, address)[0] == 302


def test_a_success_forgets_the_failures(alice: User) -> None:
    for _ in range(MOST_ATTEMPTS - 1):
        sign_in("alice", "wrong")
    sign_in("alice", PASSWORD)

    assert not SignInAttempts.objects.exists()
    assert sign_in("alice", "wrong")[0] == 422


def test_what_was_typed_is_not_stored(alice: User) -> None:
    sign_in("my-password-in-the-wrong-field", "wrong")

    assert "my-password" not in repr(list(SignInAttempts.objects.values()))


def test_the_admin_has_no_sign_in_of_its_own(alice: User) -> None:
    response = Client().get("/admin/login/?next=/admin/accounts/user/")

    assert response["Location"] == "/sign-in/?next=%2Fadmin%2Faccounts%2Fuser%2F"
    assert Client().post("/admin/login/", {"username": "alice", "password": "x"}).status_code == 405


def test_the_admin_is_closed_to_users(as_alice: Client) -> None:
    response = as_alice.get("/admin/", follow=True)

    assert response.status_code == 403
    assert "You may not open this page" in response.content.decode()


def test_the_policy_for_browsers_allows_no_inline_code(as_alice: Client) -> None:
    for address in ("/", "/sign-in/", reverse("admin:login"), "/no-such-page/"):
        policy = as_alice.get(address)["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


def test_an_unknown_address_has_a_page_of_ours(as_alice: Client) -> None:
    response = as_alice.get("/no-such-page/")

    assert response.status_code == 404
    assert "There is no such page" in response.content.decode()


def test_a_form_without_its_token_has_a_page_of_ours(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)

    response = client.post("/sign-in/", {"username": "alice", "password": PASSWORD})

    assert response.status_code == 403
    assert "This page was open for too long" in response.content.decode()
