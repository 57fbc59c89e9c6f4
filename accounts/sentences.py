"""What is recorded of people, in plain words."""

from __future__ import annotations

from core.sentences import Change, sentence


@sentence("user.created")
def tell_created(change: Change) -> str:
    return f"Created the user “{change.told('username')}” as {change.told('role')}."


@sentence("user.password_changed")
def tell_password_changed(change: Change) -> str:
    return "Changed the password."
