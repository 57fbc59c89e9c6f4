"""What nobody sends by hand: every page answers it with a status of its own, none breaks."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.conftest import signed_in
from tests.interface.pages import addresses, tags_of

ODD = [
    "a\0b",
    "x" * 5_000,
    "9" * 5_000,  # more digits than Python reads as a number
    "-1",
    "1e999",
    "٣",  # a digit, but not one of ours
    "<script>alert(1)</script>",
    "0001-01-01",
    "9999-12-31",
    "next~0001-01-01T00:00:00+23:59~00000000-0000-7000-8000-000000000000",
    "previous~99999999999999999999",
    '{"title": "\\ud800"}',
    "[" * 5_000,
    "0 0 30 2 *",
]
ASKED = [
    "q",
    "cursor",
    "state",
    "status",
    "trigger",
    "format",
    "name",
    "who",
    "action",
    "from",
    "to",
    "operation",
    "origin",
    "model",
    "page",
    "next",
]
FIELDS = {"input", "select", "textarea", "button"}
TARGETS = ("main", "dialog-body", "a-part-that-no-page-has")
SIGNS_OUT = reverse("sign_out")


def own_addresses(owner: User) -> list[str]:
    """Return those of ours; what Django's administration makes of its queries is Django's."""
    with transaction.atomic():  # as audit.record asks for
        found = list(addresses(owner))
    return [each for each in found if not each.startswith(("/admin/", SIGNS_OUT, "/readyz"))]


def asked_by(page: str) -> set[str]:
    """Return the names of the fields that `page` has."""
    fields = [tag for tag in tags_of(page, "") if tag.name in FIELDS]
    return {tag.attributes["name"] for tag in fields if "name" in tag.attributes}


def break_downs(client: Client, owner: User) -> list[str]:
    """Return the requests that break, by address and value."""
    client.raise_request_exception = False
    broken = []
    for address in own_addresses(owner):
        first = client.get(address)
        names = {*ASKED, *asked_by(first.getvalue().decode())}
        for number, value in enumerate(ODD):
            data = dict.fromkeys(names, value)
            target = {"HX-Request": "true", "HX-Target": TARGETS[number % len(TARGETS)]}
            answers = {
                "GET": client.get(address, data),
                "GET by htmx": client.get(address, data, headers=target),
                "POST": client.post(address, data),
                "POST from nowhere": client.post(address, data, headers={"Referer": value[:9]}),
            }
            broken += [
                f"{how} {address} {value[:20]!r}: {answer.status_code}"
                for how, answer in answers.items()
                if answer.status_code >= 500
            ]
    return broken


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_no_page_breaks(root: User) -> None:
    assert break_downs(signed_in(root), root) == []


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_no_page_breaks_for_who_is_signed_out(root: User) -> None:
    assert break_downs(Client(), root) == []
