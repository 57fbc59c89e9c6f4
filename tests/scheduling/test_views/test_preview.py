from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from operations import services as operations
from operations.estimates import Estimate
from tests.scheduling.test_views.kit import (
    HOSTILE,
    PREVIEW,
    asking_for,
    is_page,
    posted,
    text_of,
)

NOW = "2026-11-22T10:00:00Z"
PART = asking_for("cadence-preview")

pytestmark = pytest.mark.usefixtures("_at_a_fixed_time")


@pytest.fixture
def _at_a_fixed_time(as_alice: Client) -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def preview(client: Client, **changes: str) -> str:
    response = client.post(PREVIEW, posted(**changes), headers=PART)
    assert response.status_code == 200
    return text_of(response)


def test_it_tells_words_fires_and_changes_of_the_clocks(as_alice: Client) -> None:
    said = preview(as_alice, expression="30 2 * * *", zone="Europe/Berlin")

    assert said.startswith("At 02:30, every day")
    for fire in ("Mon 23 Nov, 02:30", "Sat 28 Nov, 02:30"):
        assert fire in said
    assert "Sun 29 Nov" not in said  # six of them
    assert "in 15 hours" in said
    assert "On Sun 28 Mar 2027 clocks go forward from 02:00 to 03:00" in said
    assert "fires once, at 03:00" in said
    assert "fires the first time only" in said


def test_the_choices_for_clock_changes_count(as_alice: Client) -> None:
    said = preview(as_alice, expression="30 2 * * *", gap="skip", overlap="both")

    assert "what is due in between is left out" in said
    assert "fires both times" in said


def test_the_readers_clock_stands_beside_another(as_alice: Client) -> None:
    said = preview(as_alice, expression="0 9 * * *", zone="Asia/Tokyo")

    assert "Mon 23 Nov, 09:00 Mon 00:00" in said
    assert "By the clocks of Asia/Tokyo, then by yours in UTC." in said
    assert "do not change" in said


@pytest.mark.parametrize("zone", ["asia/tokyo", " Tokyo "])
def test_a_zone_is_understood_as_saving_would(as_alice: Client, zone: str) -> None:
    assert "By the clocks of Asia/Tokyo" in preview(as_alice, expression="0 9 * * *", zone=zone)


def test_the_same_clock_is_told_once(as_alice: Client) -> None:
    assert "then by yours" not in preview(as_alice, zone="Africa/Abidjan")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"expression": "61 * * * *"}, "minute: “61” is out of range"),
        ({"expression": "* * *"}, "is not five fields"),
        ({"expression": "0 0 30 2 *"}, "never comes"),
        ({"expression": " "}, "Type an expression"),
        ({"zone": "Mars/Olympus"}, "time zone: “Mars/Olympus” is not known here"),
        ({"zone": "UTC+2"}, "time zone: “UTC+2” is an offset from UTC, not a time zone"),
    ],
)
def test_what_is_refused_says_why_and_switches_saving_off(
    as_alice: Client, changes: dict[str, str], said: str
) -> None:
    response = as_alice.post(PREVIEW, posted(**changes), headers=PART)

    page = response.content.decode()
    assert said in text_of(response)
    assert '<div class="row" id="schedule-save" hx-swap-oob="true">' in page
    assert 'id="schedule-submit" disabled aria-describedby="schedule-save-reason"' in page


def test_what_is_good_switches_saving_on(as_alice: Client) -> None:
    page = as_alice.post(PREVIEW, posted(), headers=PART).content.decode()

    assert 'id="schedule-submit">Create schedule</button>' in page


def test_a_schedule_that_is_there_is_saved_not_created(as_alice: Client) -> None:
    page = as_alice.post(PREVIEW, posted(existing="1"), headers=PART).content.decode()

    assert "Save changes</button>" in page


def test_too_short_an_interval_is_refused_as_saving_would(
    as_alice: Client, settings: object
) -> None:
    settings.HELIX_MIN_INTERVAL_S = 600  # type: ignore[attr-defined]

    assert "at least 10 min are asked for here" in preview(as_alice, expression="*/5 * * * *")


def test_by_hand_there_is_no_clock(as_alice: Client) -> None:
    said = preview(as_alice, type="manual", expression="nonsense")

    assert said.startswith("Runs when you press Run")


def test_a_month_is_told_with_its_cost(as_alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    real = operations.estimate_of

    def priced(**asked: object) -> operations.Forecast:
        """Put a price on what has none here: rules answer, without a vendor."""
        told = real(**asked)  # type: ignore[arg-type]
        each = Estimate(Decimal("0.01"), Decimal("0.02"), Decimal("0.05"), is_rough=True)
        return operations.Forecast(
            model=told.model,
            provider=told.provider,
            fallbacks=(),
            estimate=each,
            held_usd=Decimal(0),
            refusal="Monthly budget reached.",
        )

    monkeypatch.setattr(operations, "estimate_of", priced)
    monkeypatch.setattr(operations.Forecast, "is_local", False)

    said = preview(as_alice, expression="0 6 * * *")

    assert "30 runs in the next 30 days. About $0.60 ( $0.30 to $1.50 )" in said.replace(
        "($", "( $"
    ).replace(")", " )")
    assert "a rough estimate" in said
    assert "Monthly budget reached." in said


def test_rules_are_free(as_alice: Client) -> None:
    assert "Free: answered by rules" in preview(as_alice)


def test_what_is_not_filled_in_has_no_cost_yet(as_alice: Client) -> None:
    said = preview(as_alice, **{"parameters-json": '{"tasks": []}'})

    assert "Fill in the parameters to see what it costs." in said


def test_an_operation_that_is_off_says_so(alice: User, as_alice: Client) -> None:
    off = {"task-prioritize": {"enabled": False}}
    operations.save_preferences(owner=alice, changes=off, by=alice)

    said = preview(as_alice)

    assert "Cost unknown." in said
    assert "is switched off in your preferences" in said


def test_it_is_a_page_of_its_own(as_alice: Client) -> None:
    response = as_alice.get(f"{PREVIEW}?expression=0+9+*+*+*&zone=Asia/Tokyo")

    assert is_page(response)
    assert "At 09:00, every day" in text_of(response)
    assert "Fill in the parameters" not in text_of(response)


@pytest.mark.parametrize(
    "hostile",
    [
        HOSTILE,
        "*" * 5_000,
        "0-59/1," * 14 + "0 * * * *",
        ",".join(["*"] * 45) + " * * * *",
        "\uff19 9 * * *",
        "* * * * *\n* * * * *",
        "@" + "a" * 90,
        "-1 * * * *",
        "1/99999999999999999999 * * * *",
        "0 0 29 2 *",
        "0 0 * * 1#5",
        "\x00 * * * *",
        "🂡 * * * *",
    ],
)
def test_hostile_text_is_answered_quickly_and_shown_as_text(as_alice: Client, hostile: str) -> None:
    fields = posted(expression=hostile, zone="America/New_York")
    as_alice.post(PREVIEW, posted(), headers=PART)  # templates are read once
    started_s = time.thread_time()

    response = as_alice.post(PREVIEW, fields, headers=PART)

    assert time.thread_time() - started_s < 0.05
    assert response.status_code == 200
    assert "<script>alert" not in response.content.decode()


@pytest.mark.parametrize(
    "zone", [HOSTILE, "../../../etc/passwd", "x" * 5_000, "posix", "\x00", "/"]
)
def test_hostile_zones_are_refused(as_alice: Client, zone: str) -> None:
    response = as_alice.post(PREVIEW, posted(zone=zone), headers=PART)

    assert response.status_code == 200
    assert "disabled" in response.content.decode()
    assert "<script>alert" not in response.content.decode()


def test_strangers_are_asked_to_sign_in(client: Client) -> None:
    assert client.get(PREVIEW).status_code == 302
