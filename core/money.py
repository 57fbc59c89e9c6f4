"""Amounts in USD: whole nano-dollars in the database, `Decimal` in Python.

A cheap token costs 7.5e-8 USD, so six places are too few; SQLite's decimals are floats, so whole
numbers are the only exact column both databases share.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from django.core import exceptions
from django.db import models
from django.db.models.expressions import Combinable

NANO = Decimal("1e-9")
_NANOS_PER_USD = 1_000_000_000
_LARGEST = Decimal(9_000_000_000)  # a bigint holds 9.2e18 nano-dollars

_Set = TypeVar("_Set", contravariant=True)
_Get = TypeVar("_Get", covariant=True)

if TYPE_CHECKING:

    class _UsdBase(models.Field[_Set, _Get]):
        # Where django-stubs looks for the types, and adds None to them on a nullable field.
        _pyi_private_set_type: Decimal | int | str | Combinable
        _pyi_private_get_type: Decimal
        _pyi_lookup_exact_type: Decimal | int | str

else:

    class _UsdBase(models.Field):
        def __class_getitem__(cls, types):
            return cls


def to_nanos(amount: Decimal) -> int:
    """Return `amount` in whole nano-dollars, rounded half to even."""
    return int((amount * _NANOS_PER_USD).to_integral_value(rounding=ROUND_HALF_EVEN))


def from_nanos(nanos: int) -> Decimal:
    return Decimal(nanos).scaleb(-9)


def round_up(amount: Decimal) -> Decimal:
    """Return `amount` rounded up to a nano-dollar: an upper bound must stay one."""
    return amount.quantize(NANO, rounding=ROUND_CEILING)


def round_cost(amount: Decimal) -> Decimal:
    """Return `amount` as it will be stored."""
    return amount.quantize(NANO, rounding=ROUND_HALF_EVEN)


class UsdField(_UsdBase[_Set, _Get]):
    """An amount in USD, exact to nine places. Sums and comparisons in SQL work on nano-dollars."""

    description = "Amount in USD"

    def get_internal_type(self) -> str:
        return "BigIntegerField"

    def from_db_value(self, value: int | None, expression: Any, connection: Any) -> Decimal | None:
        return None if value is None else from_nanos(int(value))

    def to_python(self, value: Any) -> Decimal | None:
        if value is None:
            return None
        try:
            amount = value if isinstance(value, Decimal) else Decimal(str(value).strip())
        except ArithmeticError:
            amount = Decimal("NaN")
        if not amount.is_finite() or abs(amount) > _LARGEST:
            raise exceptions.ValidationError(
                "Enter an amount in USD, such as 12.50.", code="invalid"
            )
        return amount

    def get_prep_value(self, value: Any) -> int | None:
        amount = self.to_python(super().get_prep_value(value))
        return None if amount is None else to_nanos(amount)

    def value_to_string(self, obj: models.Model) -> str:
        value = self.value_from_object(obj)
        return "" if value is None else str(value)

    def formfield(self, **kwargs: Any) -> Any:
        from django import forms

        return super().formfield(
            **{"form_class": forms.DecimalField, "decimal_places": 9, "max_digits": 19, **kwargs}
        )
