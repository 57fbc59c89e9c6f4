from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from core import units


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (None, "unknown"),
        ("0", "$0.00"),
        ("0.000000001", "$0.000000001"),
        ("0.000000075", "$0.000000075"),
        ("0.0000034567", "$0.0000035"),
        ("0.0042", "$0.0042"),
        ("0.0996", "$0.10"),
        ("0.42", "$0.42"),
        ("0.999", "$1.00"),
        ("1", "$1.00"),
        ("1234.565", "$1,234.56"),
        ("-2.5", "-$2.50"),
    ],
)
def test_dollars(amount: str | None, said: str) -> None:
    assert units.usd(None if amount is None else Decimal(amount)) == said


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (None, "unknown"),
        ("0", "$0.00"),
        ("0.99947", "$0.99"),
        ("0.0996", "$0.099"),
        ("0.0000000019", "$0.0000000019"),
        ("2.999999999", "$2.99"),
        ("9000000000", "$9,000,000,000.00"),
    ],
)
def test_what_is_left_is_never_rounded_up(amount: str | None, said: str) -> None:
    assert units.usd_left(None if amount is None else Decimal(amount)) == said


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (None, "unknown"),
        (timedelta(0), "0 ms"),
        (timedelta(milliseconds=340), "340 ms"),
        (timedelta(seconds=2.44), "2.4 s"),
        (timedelta(seconds=59.99), "59.9 s"),
        (timedelta(seconds=60), "1 min"),
        (timedelta(seconds=185), "3 min 5 s"),
        (timedelta(hours=2, minutes=10, seconds=59), "2 h 10 min"),
        (timedelta(days=4, hours=3), "4 d 3 h"),
        (timedelta(seconds=-5), "-5.0 s"),
    ],
)
def test_lengths_of_time(length: timedelta | None, said: str) -> None:
    assert units.duration(length) == said


def test_milliseconds_read_like_any_length_of_time() -> None:
    assert (units.duration_ms(1500), units.duration_ms(None)) == ("1.5 s", "unknown")


def test_thousands_stand_apart() -> None:
    assert (units.count(1234567), units.count(None)) == ("1,234,567", "unknown")
