from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from core import palette
from core.ids import ids_beginning_with, uuid7
from core.palette import Option
from jobs.models import JobRun
from operations.models import Run
from scheduling.models import Schedule
from tests.builders import make_user
from tests.conftest import signed_in


def make_schedule(owner: User, name: str, *, archived: bool = False) -> Schedule:
    return Schedule.objects.create(
        owner=owner,
        name=name,
        operation="task-breakdown",
        type="manual",
        zone="UTC",
        enabled=not archived,
        pause_reason="Deleted." if archived else "",
        archived_at=timezone.now() if archived else None,
    )


def make_run(owner: User) -> Run:
    return Run.objects.create(owner=owner, operation="task-breakdown", origin=Run.Origin.COMMAND)


def found(user: User, text: str) -> dict[str, list[Option]]:
    return {
        group.title: [option for _, option in group.options] for group in palette.search(user, text)
    }


def addresses(user: User, text: str) -> list[str]:
    return [option.url for options in found(user, text).values() for option in options]


def test_before_anything_is_typed_it_offers_pages_and_actions(alice: User) -> None:
    groups = found(alice, "")

    assert list(groups) == ["Pages", "Actions"]
    assert [option.label for option in groups["Pages"]][:3] == ["Overview", "Schedules", "Runs"]
    assert [option.label for option in groups["Actions"]] == [
        "New schedule",
        "Dark theme",
        "Light theme",
    ]


def test_every_word_must_be_found_and_what_begins_with_the_text_comes_first(alice: User) -> None:
    groups = found(alice, "run")

    assert [option.label for option in groups["Pages"]][:2] == ["Runs", "Schedules"]
    assert found(alice, "settings bud")["Pages"][0].url == reverse("edit_budgets")
    assert found(alice, "zebra") == {}


def test_operations_are_found_by_title_and_by_name(alice: User) -> None:
    address = reverse("try_operation", args=["email-classify"])

    assert address in addresses(alice, "classify")
    assert address in addresses(alice, "EMAIL-c")


def test_only_the_owner_finds_a_schedule(alice: User, bob: User) -> None:
    schedule = make_schedule(alice, "Nightly digest")
    make_schedule(alice, "Nightly digest of old", archived=True)

    assert addresses(alice, "digest night") == [reverse("show_schedule", args=[schedule.pk])]
    assert addresses(bob, "digest night") == []


def test_only_the_owner_finds_a_run_by_the_beginning_of_its_id(alice: User, bob: User) -> None:
    run = make_run(alice)
    address = reverse("show_run", args=[run.pk])

    assert address in addresses(alice, str(run.pk))
    assert address in addresses(alice, str(run.pk)[:10].upper())
    assert addresses(alice, str(uuid7())) == []
    assert address not in addresses(bob, str(run.pk))


def test_jobs_are_for_staff(alice: User, sam: User) -> None:
    job = JobRun.objects.create(name="jobs.clean_up", created_at=timezone.now())

    assert reverse("show_job", args=[job.pk]) in addresses(sam, str(job.pk))
    assert f"{reverse('list_jobs')}?name=jobs.clean_up" in addresses(sam, "clean")
    assert addresses(alice, "clean") == []
    assert addresses(alice, str(job.pk)) == []
    assert reverse("list_jobs") not in addresses(alice, "")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("0193ab", True),
        ("0193AB-cd", True),
        ("01935f3e-7c00-7000-8000-00000000abcd", True),
        ("0193a", False),
        ("facades", False),
        ("0" * 33, False),
        ("", False),
    ],
)
def test_the_beginning_of_an_id_is_told_from_a_word(text: str, is_one: bool) -> None:  # noqa: FBT001
    assert (ids_beginning_with(text) is not None) == is_one


def test_an_id_lies_between_the_first_and_the_last_that_begin_so() -> None:
    made = uuid7()

    for length in (6, 8, 13, 32):
        ids = ids_beginning_with(made.hex[:length])
        assert ids is not None
        assert ids[0] <= made <= ids[1]


def test_the_page_works_without_javascript(as_alice: Client) -> None:
    response = as_alice.get("/palette/", {"q": "appearance"})

    assert response.status_code == 200
    assert "<h1>Search</h1>" in response.text
    assert response.text.count('id="palette-body"') == 1  # the dialog's would be a second one
    assert reverse("show_appearance") in response.text


def test_typing_gets_the_options_alone(as_alice: Client) -> None:
    headers = {"HX-Request": "true", "HX-Target": "palette-options"}
    response = as_alice.get("/palette/", {"q": "appea"}, headers=headers)

    assert response.text.startswith('<div class="palette__options" id="palette-options"')
    assert 'id="palette-0" aria-selected="true"' in response.text
    assert 'data-text="appea"' in response.text


def test_what_was_typed_is_shown_as_text(as_alice: Client) -> None:
    response = as_alice.get("/palette/", {"q": "<script>\0" + "x" * 200})

    assert "&lt;script&gt;" in response.text
    assert "<script>x" not in response.text
    assert "x" * palette.LONGEST_TEXT not in response.text


def test_a_look_is_chosen_by_a_button(as_alice: Client) -> None:
    response = as_alice.get("/palette/", {"q": "dark"})

    assert 'form="palette-look" name="theme" value="dark"' in response.text


def test_strangers_to_the_house_are_sent_to_sign_in(db: None) -> None:
    assert Client().get("/palette/").status_code == 302


@pytest.mark.parametrize("text", ["", "n", "019"])
def test_it_asks_as_much_for_many_rows_as_for_few(
    db: None,
    text: str,
    django_assert_max_num_queries: object,
) -> None:
    sam = make_user("sam", role=User.Role.STAFF)
    for number in range(30):
        make_schedule(sam, f"Nightly {number}")
        make_run(sam)

    client = signed_in(sam)
    headers = {"HX-Request": "true", "HX-Target": "palette-options"}

    with django_assert_max_num_queries(6):  # type: ignore[operator]
        response = client.get("/palette/", {"q": text}, headers=headers)

    assert response.text.count('role="option"') <= 40


def test_a_source_gives_a_few_rows_at_most(alice: User) -> None:
    for number in range(30):
        make_schedule(alice, f"Nightly {number}")

    assert len(found(alice, "nightly")["Schedules"]) == palette.MOST
