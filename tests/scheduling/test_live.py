"""Live parts are the parts of the pages, for the person who looks."""

from __future__ import annotations

import re

import pytest
from django.http import Http404, QueryDict
from django.test import Client

from accounts.models import User
from scheduling import live
from tests.scheduling.builders import make_schedule
from tests.scheduling.test_views.kit import LIST, make_execution, page_of

OF_ONE = [live.render_head, live.render_strip, live.render_totals, live.render_executions]


def part_of(page: str, name: str) -> str:
    """Return the opening tag of the element that the live part replaces."""
    found = re.search(rf"<[a-z]+ [^>]*data-live=\"{re.escape(name)}\"[^>]*>", page)
    assert found, f"The page has no part {name}"
    return found[0]


def test_the_parts_of_the_list_begin_as_on_the_page(alice: User, as_alice: Client) -> None:
    make_execution(make_schedule(owner=alice, name="Alices"))
    page = as_alice.get(f"{LIST}?state=active").content.decode()

    rendered = {
        "schedules?state=active": live.render_schedules(alice, QueryDict("state=active")),
        "schedule-facts": live.render_facts(alice, QueryDict()),
        "schedule-outlook": live.render_outlook(alice, QueryDict()),
    }

    for name, html in rendered.items():
        assert html.strip().startswith(part_of(page, name))
    assert "Alices" in rendered["schedules?state=active"]


def test_the_parts_of_a_page_begin_as_on_the_page(alice: User, as_alice: Client) -> None:
    schedule = make_schedule(owner=alice)
    make_execution(schedule)
    page = as_alice.get(f"{page_of(schedule)}?status=success").content.decode()
    query = QueryDict(f"id={schedule.pk}&status=success")

    for render, name in zip(
        OF_ONE, ("schedule-head", "schedule-strip", "schedule-totals", "executions"), strict=True
    ):
        asked = f"{name}?id={schedule.pk}"
        asked += "&amp;status=success" if name == "executions" else ""
        assert render(alice, query).strip().startswith(part_of(page, asked))


def test_each_sees_only_their_own(alice: User, bob: User) -> None:
    make_schedule(owner=alice, name="Alices")

    assert "Alices" not in live.render_schedules(bob, QueryDict())


@pytest.mark.parametrize("render", OF_ONE)
@pytest.mark.parametrize(
    "query", ["", "id=nonsense", "id=theirs", "id=01935f3e-7c00-7000-8000-00000000abcd"]
)
def test_what_is_not_theirs_leaves_the_page_as_it_is(
    alice: User, bob: User, render: object, query: str
) -> None:
    theirs = make_schedule(owner=alice)

    with pytest.raises(Http404):
        render(bob, QueryDict(query.replace("theirs", str(theirs.pk))))  # type: ignore[operator]


def test_a_change_shows_to_the_watcher(alice: User, as_alice: Client) -> None:
    schedule = make_schedule(owner=alice)
    before = live.watch_schedules([alice.pk])

    as_alice.post(page_of(schedule, "run"))

    assert live.watch_schedules([alice.pk]) != before
