from __future__ import annotations

from core.errors import DomainError


class TooDear(DomainError):
    """The run would cost more than is left.

    A second paragraph is for programmers.
    """


class Bare(TooDear): ...


def test_the_docstring_is_the_default_message() -> None:
    assert str(TooDear()) == "The run would cost more than is left."


def test_a_subclass_without_docstring_speaks_like_its_parent() -> None:
    assert str(Bare()) == "The run would cost more than is left."


def test_a_message_of_its_own_wins() -> None:
    assert str(TooDear("It costs 3 USD; 2 are left.")) == "It costs 3 USD; 2 are left."
