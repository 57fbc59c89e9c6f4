from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from accounts.models import User
from core.ids import uuid7
from preferences import services as preferences
from scheduling import services
from scheduling.models import Schedule
from tests.scheduling.builders import make_schedule
from tests.scheduling.test_views.kit import (
    HOSTILE,
    HTMX,
    LIST,
    NEW,
    asking_for,
    is_page,
    make_execution,
    page_of,
    posted,
    text_of,
)

DIALOG = asking_for("dialog-body")


# --- create ---------------------------------------------------------------------------------------


def test_a_schedule_is_made(alice: User, as_alice: Client) -> None:
    response = as_alice.post(NEW, posted())

    schedule = Schedule.objects.get()
    assert (response.status_code, response["Location"]) == (302, LIST)
    assert (schedule.owner, schedule.name, schedule.zone) == (
        alice,
        "Morning tasks",
        "Europe/Berlin",
    )
    assert schedule.parameters["tasks"][0]["title"] == "Pay the rent"
    assert schedule.next_execution_at is not None


@pytest.mark.parametrize("typed", ["europe/berlin", "Berlin", " berlin "])
def test_a_zone_is_saved_by_its_name(as_alice: Client, typed: str) -> None:
    as_alice.post(NEW, posted(zone=typed))

    assert Schedule.objects.get().zone == "Europe/Berlin"


def test_the_dialog_is_told_to_move(as_alice: Client) -> None:
    assert as_alice.post(NEW, posted(), headers=DIALOG)["HX-Redirect"] == LIST


def test_a_click_sent_twice_makes_one_schedule(as_alice: Client) -> None:
    token = re.search(r'name="token" value="([^"]+)"', as_alice.get(NEW).content.decode())
    assert token

    for name in ("First", "First", "Second"):  # the back button, changed: another schedule
        assert as_alice.post(NEW, posted(name=name, token=token[1])).status_code == 302

    assert sorted(Schedule.objects.values_list("name", flat=True)) == ["First", "Second"]


def test_a_form_sent_again_after_its_schedule_was_deleted_makes_a_new_one(
    alice: User, as_alice: Client
) -> None:
    form = posted(token=str(uuid7()))
    as_alice.post(NEW, form)
    schedule = Schedule.objects.get()
    make_execution(schedule)
    services.delete_schedule(schedule, by=alice, confirmed=True)

    as_alice.post(NEW, form)

    assert Schedule.objects.current().exclude(pk=schedule.pk).count() == 1


def test_a_token_of_another_makes_a_schedule_of_ones_own(
    bob: User, as_alice: Client, as_bob: Client
) -> None:
    form = posted(token=str(uuid7()))
    as_alice.post(NEW, form)

    as_bob.post(NEW, form)

    assert Schedule.objects.visible_to(bob).count() == 1


@pytest.mark.parametrize("token", ["", "x", "\0", "9" * 40, "01935f3e-7c00-4000-8000-00000000abcd"])
def test_a_token_that_is_none_of_ours_is_not_looked_at(as_alice: Client, token: str) -> None:
    for _ in range(2):
        as_alice.post(NEW, posted(token=token))

    assert Schedule.objects.count() == 2


def test_one_by_hand_has_no_clock(as_alice: Client) -> None:
    as_alice.post(NEW, posted(type="manual", expression="left over"))

    schedule = Schedule.objects.get()
    assert (schedule.type, schedule.expression) == ("manual", "")


def test_a_name_is_made_up(as_alice: Client) -> None:
    as_alice.post(NEW, posted(name=""))

    assert Schedule.objects.get().name == "Prioritise tasks, 0 6 * * *"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("expression", "61 * * * *", "minute: “61” is out of range"),
        ("expression", "", "This field is required."),
        ("expression", "0 0 30 2 *", "never comes"),
        ("zone", "Mars/Olympus", "is not a time zone this machine knows"),
        ("zone", "UTC+2", "or Etc/GMT-2, which never changes its clocks"),
        ("zone", "../../etc/passwd", "is not a time zone this machine knows"),
        ("priority", "11", "less than or equal to 10"),
        ("name", "x" * 121, "at most 120 characters"),
        ("name", "nul\x00", "Null characters are not allowed."),
        ("type", "post", "not one of the available choices"),
        ("dialect", "morse", "not one of the available choices"),
        ("gap", "later", "not one of the available choices"),
        ("parameters-json", '{"tasks": []}', "must not be empty"),
        ("parameters-json", "{", "JSON"),
    ],
)
def test_bad_input_is_told_at_its_field(
    as_alice: Client, field: str, value: str, said: str
) -> None:
    response = as_alice.post(NEW, posted(**{field: value}), headers=DIALOG)

    assert response.status_code == 422
    assert said in text_of(response)
    assert 'class="field__error"' in response.content.decode()
    assert not Schedule.objects.exists()


def test_every_field_says_its_own(as_alice: Client) -> None:
    response = as_alice.post(
        NEW, posted(zone="Mars", priority="0", **{"parameters-json": '{"tasks": []}'})
    )

    page = response.content.decode()
    assert is_page(response)
    assert page.count('class="field__error"') >= 2


def test_what_was_typed_stays_and_is_text(as_alice: Client) -> None:
    response = as_alice.post(NEW, posted(name=HOSTILE, expression=HOSTILE), headers=DIALOG)

    page = response.content.decode()
    assert "<script>alert" not in page
    assert page.count(f'value="{escape(HOSTILE)}"') == 2


def test_an_operation_brings_its_own_fields(as_alice: Client) -> None:
    response = as_alice.get(
        f"{NEW}?operation=email-compose", headers=asking_for("schedule-parameters")
    )

    page = response.content.decode()
    assert page.lstrip().startswith('<fieldset class="schedule-parameters"')
    assert 'name="parameters-purpose"' in page
    assert "Compose an e-mail" in page


def test_the_page_shows_them_without_javascript(as_alice: Client) -> None:
    response = as_alice.get(f"{NEW}?operation=email-compose")

    assert is_page(response)
    assert 'name="parameters-purpose"' in response.content.decode()


def test_another_operation_than_shown_asks_for_its_parameters_first(as_alice: Client) -> None:
    response = as_alice.post(NEW, posted(operation="email-compose"))

    page = response.content.decode()
    assert response.status_code == 200
    assert 'name="parameters-purpose"' in page
    assert 'value="Morning tasks"' in page
    assert not Schedule.objects.exists()


def test_a_button_inside_the_parameters_saves_nothing(as_alice: Client) -> None:
    response = as_alice.post(NEW, posted(**{"parameters-as": "form"}), headers=DIALOG)

    page = response.content.decode()
    assert response.status_code == 200
    assert 'value="Pay the rent"' in page
    assert 'value="Morning tasks"' in page
    assert "field__error" not in page
    assert not Schedule.objects.exists()


def test_an_operation_that_is_none_is_refused(as_alice: Client) -> None:
    response = as_alice.post(NEW, posted(operation="rm -rf", parameters_of="rm -rf"))

    assert response.status_code == 200  # the form of one that there is
    assert not Schedule.objects.exists()


def test_defaults_of_the_owner_fill_the_form(alice: User, as_alice: Client) -> None:
    from operations import services as operations

    changes = {"email-compose": {"parameters": {"sender_name": "Alice Liddell"}}}
    operations.save_preferences(owner=alice, changes=changes, by=alice)
    preferences.forget(alice.pk)

    page = as_alice.get(f"{NEW}?operation=email-compose").content.decode()

    assert 'value="Alice Liddell"' in page


def test_a_copy_is_filled_in(alice: User, as_alice: Client) -> None:
    schedule = make_schedule(owner=alice, expression="7 7 * * *", zone="Asia/Tokyo", priority=9)

    page = as_alice.get(f"{NEW}?copy={schedule.pk}").content.decode()

    for value in ("Morning tasks, copy", "7 7 * * *", "Asia/Tokyo", "9", "Pay the rent"):
        assert f'value="{value}"' in page


def test_anothers_schedule_is_not_copied(alice: User, as_bob: Client) -> None:
    schedule = make_schedule(owner=alice)

    assert as_bob.get(f"{NEW}?copy={schedule.pk}").status_code == 404


# --- edit -----------------------------------------------------------------------------------------


@pytest.fixture
def schedule(alice: User) -> Schedule:
    return make_schedule(owner=alice, name="Morning tasks", zone="Europe/Berlin")


def changed(**changes: Any) -> dict[str, Any]:
    fields = posted(**changes)
    return {name: value for name, value in fields.items() if name != "parameters_of"}


def test_the_form_shows_what_is_there(schedule: Schedule, as_alice: Client) -> None:
    response = as_alice.get(page_of(schedule, "edit"), headers=DIALOG)

    page = response.content.decode()
    for value in ("Morning tasks", "0 6 * * *", "Europe/Berlin", "Pay the rent"):
        assert f'value="{value}"' in page
    assert "Changes apply from the next run." in page
    assert page.lstrip().startswith('<div id="dialog-body">')


def test_a_change_is_saved(schedule: Schedule, as_alice: Client) -> None:
    other = {"tasks": [{"id": "1", "title": "Feed the cat"}]}
    fields = changed(expression="5 7 * * *", name="Cat", **{"parameters-json": json.dumps(other)})

    response = as_alice.post(page_of(schedule, "edit"), fields)

    schedule.refresh_from_db()
    assert (response.status_code, response["Location"]) == (302, page_of(schedule))
    assert (schedule.name, schedule.expression) == ("Cat", "5 7 * * *")
    assert schedule.parameters["tasks"][0]["title"] == "Feed the cat"
    assert schedule.next_execution_at is not None
    assert schedule.next_execution_at.minute == 5


def opened_with(response: Any) -> str:
    found = re.search(r'name="opened_with" value="([^"]+)"', response.content.decode())
    assert found
    return found[1]


def test_what_another_tab_saved_is_told_and_replaced_only_on_purpose(
    schedule: Schedule, as_alice: Client
) -> None:
    edit = page_of(schedule, "edit")
    first, second = (opened_with(as_alice.get(edit)) for _ in range(2))
    as_alice.post(edit, changed(priority="8", expression="5 7 * * *", opened_with=first))

    response = as_alice.post(edit, changed(name="Cat", opened_with=second), headers=DIALOG)

    assert response.status_code == 422
    said = html.unescape(text_of(response))
    assert "the cron expression is now “5 7 * * *”; the priority is now 8." in said
    assert 'value="Cat"' in response.content.decode()
    schedule.refresh_from_db()
    assert (schedule.name, schedule.priority) == ("Morning tasks", 8)

    again = changed(name="Cat", opened_with=opened_with(response))
    assert as_alice.post(edit, again).status_code == 302
    schedule.refresh_from_db()
    assert (schedule.name, schedule.priority, schedule.expression) == ("Cat", 5, "0 6 * * *")


def test_parameters_that_another_tab_saved_are_told(schedule: Schedule, as_alice: Client) -> None:
    edit = page_of(schedule, "edit")
    mark = opened_with(as_alice.get(edit))
    other = json.dumps({"tasks": [{"id": "1", "title": "Feed the cat"}]})
    as_alice.post(edit, changed(**{"parameters-json": other}))

    response = as_alice.post(edit, changed(opened_with=mark))

    assert response.status_code == 422
    assert "the parameters is now" not in text_of(response)
    assert "the parameters are now" in text_of(response)
    assert "Feed the cat" in text_of(response)


def test_saving_what_another_tab_saved_too_loses_nothing(
    schedule: Schedule, as_alice: Client
) -> None:
    edit = page_of(schedule, "edit")
    mark = opened_with(as_alice.get(edit))
    as_alice.post(edit, changed(priority="8"))

    assert as_alice.post(edit, changed(priority="8", opened_with=mark)).status_code == 302


def test_a_refused_form_remembers_what_it_was_opened_with(
    schedule: Schedule, as_alice: Client
) -> None:
    edit = page_of(schedule, "edit")
    mark = opened_with(as_alice.get(edit))
    as_alice.post(edit, changed(priority="8"))

    for wrong in ({"expression": "61 * * * *"}, {"parameters-as": "form"}):
        assert opened_with(as_alice.post(edit, changed(opened_with=mark, **wrong))) == mark


def test_in_the_list_the_answer_is_the_row(schedule: Schedule, as_alice: Client) -> None:
    response = as_alice.post(
        page_of(schedule, "edit"), changed(name="Cat", **{"from": "list"}), headers=DIALOG
    )

    assert response["HX-Retarget"] == f"#schedule-{schedule.pk}"
    assert response["HX-Reswap"] == "outerHTML"
    assert "dialog:close" in response["HX-Trigger"]
    assert "Cat" in text_of(response)


def test_on_its_page_the_browser_is_told_to_move(schedule: Schedule, as_alice: Client) -> None:
    response = as_alice.post(page_of(schedule, "edit"), changed(), headers=DIALOG)

    assert response["HX-Redirect"] == page_of(schedule)


def test_bad_input_keeps_the_dialog_open(schedule: Schedule, as_alice: Client) -> None:
    response = as_alice.post(
        page_of(schedule, "edit"), changed(expression="61 * * * *", name=""), headers=DIALOG
    )

    page = response.content.decode()
    assert response.status_code == 422
    assert page.count('aria-invalid="true"') == 2
    assert "minute: “61” is out of range" in text_of(response)
    schedule.refresh_from_db()
    assert schedule.expression == "0 6 * * *"


def test_operation_and_trigger_stay_what_they_are(schedule: Schedule, as_alice: Client) -> None:
    as_alice.post(page_of(schedule, "edit"), changed(operation="email-compose", type="manual"))

    schedule.refresh_from_db()
    assert (schedule.operation, schedule.type) == ("task-prioritize", "cron")


def test_one_by_hand_shows_no_clock(alice: User, as_alice: Client) -> None:
    schedule = make_schedule(owner=alice, type="manual")

    page = as_alice.get(page_of(schedule, "edit")).content.decode()
    response = as_alice.post(page_of(schedule, "edit"), changed(name="Other"))

    assert 'name="expression"' not in page
    assert response.status_code == 302
    schedule.refresh_from_db()
    assert (schedule.name, schedule.expression) == ("Other", "")


def test_what_was_deleted_cannot_be_edited(schedule: Schedule, as_alice: Client) -> None:
    make_execution(schedule)
    as_alice.post(page_of(schedule, "delete"), {"name": "Morning tasks"})

    assert as_alice.post(page_of(schedule, "edit"), changed(), headers=HTMX).status_code == 409


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_stranger_finds_no_form(schedule: Schedule, as_bob: Client, method: str) -> None:
    assert getattr(as_bob, method)(page_of(schedule, "edit")).status_code == 404


def test_other_methods_are_refused(schedule: Schedule, as_alice: Client) -> None:
    assert as_alice.put(page_of(schedule, "edit")).status_code == 405
    assert as_alice.delete(NEW).status_code == 405
