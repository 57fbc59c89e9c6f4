from __future__ import annotations

import pytest
from django.http import QueryDict

from accounts.models import User
from core import live


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    live._discover()
    monkeypatch.setitem(live._regions, "probe", live.Region(lambda user, query: "", ("minute",)))


def test_parts_are_named_with_their_query() -> None:
    parts = live.parse_parts(["probe", "probe?status=failed&q=caf%C3%A9+noir"])

    assert parts["probe"].query == QueryDict("")
    assert parts["probe?status=failed&q=caf%C3%A9+noir"].query["q"] == "café noir"


@pytest.mark.parametrize(
    ("names", "word"),
    [
        ([], "Name the live parts"),
        (["nothing"], "no live part “nothing”"),
        (["signed-out"], "no live part “signed-out”"),
        (["Probe"], "a word"),
        (["probe?a=b\nevent: x"], "a word"),
        (["probe?a b"], "a word"),
        (["probe?q=é"], "a word"),
        (["probe?" + "x" * live.LONGEST_PART], "at most 500 characters"),
        ([f"probe?n={n}" for n in range(live.MOST_PARTS + 1)], "at most 16 live parts"),
    ],
)
def test_what_is_no_part_is_refused_with_a_sentence(names: list[str], word: str) -> None:
    with pytest.raises(live.NotLive, match=word):
        live.parse_parts(names)


def test_a_region_that_watches_nothing_known_stops_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(live._regions, "odd", live.Region(lambda user, query: "", ("weather",)))

    with pytest.raises(LookupError, match=r"“odd” watches \['weather'\]"):
        live._discover.__wrapped__()


@pytest.mark.django_db
def test_every_watcher_answers_for_everybody_who_looks_on(alice: User, bob: User) -> None:
    names = {*live._watchers, *live._watchers_for_all}
    assert {"ledger", "schedules", "jobs", "minute"} <= names

    marks = live.marks_of({name: {alice.pk, bob.pk} for name in names})

    assert marks.keys() == {(name, user.pk) for name in names for user in (alice, bob)}
    assert marks == live.marks_of({name: {alice.pk, bob.pk} for name in names})


@pytest.mark.django_db
def test_each_watcher_of_owners_asks_once(
    alice: User,
    bob: User,
    django_assert_num_queries: object,
) -> None:
    for name in live._watchers:
        with django_assert_num_queries(1):  # type: ignore[operator]
            live.marks_of({name: {alice.pk, bob.pk}})
