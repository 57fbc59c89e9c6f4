from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from core import health
from jobs.models import JobStamp
from jobs.services import TICK


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Let the test alone say what is examined."""
    health.examine.__globals__["_discover"]()
    alone: dict[str, object] = {}
    monkeypatch.setattr(health, "_checks", alone)
    return alone


def test_healthz_needs_no_database(client: Client) -> None:
    answer = client.get("/healthz")  # no database fixture: a query would fail the test

    assert (answer.status_code, answer.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_readyz_is_red_without_a_worker_and_says_which_check(client: Client) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 503
    checks = answer.json()["checks"]
    assert checks["database"]["level"] == checks["migrations"]["level"] == "ok"
    assert checks["jobs"]["level"] == checks["engine"]["level"] == "red"


@pytest.mark.django_db
@pytest.mark.parametrize(("minutes", "level"), [(4, "ok"), (6, "red")])
def test_a_stamp_older_than_five_minutes_is_red(minutes: int, level: str) -> None:
    JobStamp.objects.create(name=TICK, stamped_at=timezone.now() - timedelta(minutes=minutes))

    assert health.examine()["jobs"].level == level


def test_readyz_is_green_when_only_warnings_are_found(
    client: Client, checks: dict[str, object]
) -> None:
    health.check("one", is_for_readiness=True)(lambda: health.warning("Hm.", mend="Look."))

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "checks": {"one": {"level": "warning", "says": "Hm."}}}


def test_a_check_that_breaks_is_red_and_the_public_is_not_told_why(
    client: Client, checks: dict[str, object]
) -> None:
    health.check("broken", is_for_readiness=True)(lambda: 1 / 0)  # type: ignore[type-var]  # broken on purpose

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert "division" not in answer.text


def test_doctor_says_how_to_mend_and_fails_on_red(checks: dict[str, object]) -> None:
    health.check("clock")(lambda: health.red("It is late.", mend="Wind it."))
    out = StringIO()

    with pytest.raises(SystemExit) as left:
        call_command("doctor", stdout=out)

    assert left.value.code == 1
    assert "Mend: Wind it." in out.getvalue()


def test_doctor_does_not_fail_on_warnings_and_masks_details(checks: dict[str, object]) -> None:
    health.check("key")(
        lambda: health.warning("Old.", mend="Renew.", detail="api_key=sk-0123456789abcdefghijklmn")
    )
    out = StringIO()

    call_command("doctor", "--json", stdout=out)

    assert json.loads(out.getvalue())["key"]["level"] == "warning"
    assert "0123456789" not in out.getvalue()


@pytest.mark.django_db
def test_doctor_examines_what_the_design_names() -> None:
    names = {
        "database", "migrations", "clock", "cache", "secrets", "static files", "jobs", "providers",
        "engine",
    }  # fmt: skip

    assert names <= health.examine().keys()
