from __future__ import annotations

from typing import NoReturn

import pytest
from django.db import OperationalError, connection
from django.test import Client


def refuse(*_: object) -> NoReturn:
    raise OperationalError("The database is away")


@pytest.mark.django_db
def test_without_a_database_the_error_is_told_on_a_page(as_alice: Client) -> None:
    as_alice.raise_request_exception = False

    with connection.execute_wrapper(refuse):
        response = as_alice.get("/runs/")

    assert response.status_code == 500
    assert "<h1>Something broke on our side</h1>" in response.content.decode()


@pytest.mark.django_db
def test_a_page_that_is_not_there_has_a_way_out(client: Client) -> None:
    response = client.get("/nowhere/")

    assert response.status_code == 404
    assert '<a class="btn" href="/">' in response.content.decode()


@pytest.mark.django_db
def test_a_form_that_stood_open_too_long_is_told_what_to_do(as_alice: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = as_alice.cookies

    response = strict.post("/settings/theme/", {"theme": "dark"})

    assert response.status_code == 403
    assert "This page was open for too long" in response.content.decode()
