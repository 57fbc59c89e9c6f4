from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.http import QueryDict
from django.template import Context, Template
from django.utils import timezone

from core.pagination import KeyPage


def rendered(source: str, **context: object) -> str:
    return Template(source).render(Context(context))


def test_an_icon_is_hidden_from_readers() -> None:
    drawn = rendered('{% icon "play" %}')

    assert drawn.startswith("<svg")
    assert 'aria-hidden="true"' in drawn
    assert 'width="16"' in drawn


def test_a_badge_says_its_word_as_text() -> None:
    assert rendered('{% badge "failed" word %}', word="<b>Failed</b>") == (
        '<span class="badge" data-tone="failed">&lt;b&gt;Failed&lt;/b&gt;</span>'
    )


def test_a_moment_is_told_in_the_readers_zone() -> None:
    at = timezone.now() + timedelta(hours=2, seconds=30)

    with timezone.override("Asia/Tokyo"):
        told = rendered("{% moment at %}", at=at)

    assert ">in 2 hours</time>" in told
    assert "Asia/Tokyo" in told
    assert "data-relative" in told


def test_a_clock_may_be_of_another_zone() -> None:
    at = datetime(2020, 1, 1, 12, tzinfo=UTC)

    told = rendered('{% clock at zone="Asia/Tokyo" %}', at=at)

    assert ">Wed 1 Jan 2020, 21:00</time>" in told


def test_no_moment_is_never() -> None:
    assert rendered("{% moment at %}", at=None) == "never"


@pytest.mark.parametrize(
    ("share", "told"),
    [
        (None, "unknown"),
        (1, "100%"),
        (0.99999, "99.9%"),
        (0.55, "55%"),
        (0.978, "97.8%"),
        (0, "0%"),
    ],
)
def test_a_share_is_never_rounded_up_to_all(share: float | None, told: str) -> None:
    assert rendered("{{ share|percent }}", share=share) == told


def test_a_pager_keeps_the_filters() -> None:
    page: KeyPage[object] = KeyPage([], "next~1", "")  # type: ignore[type-var]  # no rows to type

    told = rendered(
        '{% pager page query "run-table" %}',
        page=page,
        query=QueryDict("status=failed&cursor=next~0"),
    )

    assert 'href="?status=failed&amp;cursor=next~1"' in told
    assert "Previous" not in told


def test_a_panel_frames_its_content() -> None:
    told = rendered('{% panel "Runs" note="today" flush=True %}<p>x</p>{% endpanel %}')

    assert told.startswith('<section class="panel panel--flush"><header')
    assert "<p>x</p></section>" in told


def test_initials_are_two_letters() -> None:
    assert rendered("{{ name|initials }}", name="elin.lund") == "EL"
    assert rendered("{{ name|initials }}", name="maya") == "MA"
