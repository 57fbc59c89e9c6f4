from __future__ import annotations

import pytest

from scheduling import zones


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/BERLIN", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        (" new  york ", "America/New_York"),
        ("utc", "UTC"),
        ("etc/gmt-2", "Etc/GMT-2"),
        ("singapore", "Singapore"),
        ("Buenos Aires", "Buenos Aires"),  # two names end so
        ("UTC+2", "UTC+2"),
        ("Mars/Olympus", "Mars/Olympus"),
        ("", ""),
    ],
)
def test_the_zone_that_is_meant(typed: str, meant: str) -> None:
    assert zones.named(typed) == meant


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("UTC+2", "Etc/GMT-2, which"),
        ("gmt -05:00", "Etc/GMT+5, which"),
        ("\N{MINUS SIGN}3", "Etc/GMT+3, which"),
        ("UTC+5:30", "not a time zone; use a city such as Asia/Kolkata."),
        ("UTC+44", "not a time zone; use a city such as Asia/Kolkata."),
        ("Buenos Aires", "may be America/Argentina/Buenos_Aires or America/Buenos_Aires;"),
    ],
)
def test_a_hint_says_what_to_write(typed: str, said: str) -> None:
    assert said in zones.hint(typed)


@pytest.mark.parametrize("typed", ["", "Mars", "Europe/Berlin", "GMT+0", "Etc/GMT-2", "x" * 5_000])
def test_there_is_no_hint_without_a_need_or_an_idea(typed: str) -> None:
    assert zones.hint(typed) == ""
