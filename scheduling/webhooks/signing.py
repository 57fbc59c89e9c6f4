"""The dialects by name: whoever verifies or signs takes one from here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, cast

from core.secrets import Secret
from scheduling.webhooks import github, plain, standard, stripe
from scheduling.webhooks.verdicts import Headers, Verdict


class Dialect(Protocol):
    """How one kind of sender signs. All of it is pure.

    `verify` asks for each key, newest first; `id_in` returns the id that a payload says of itself.
    """

    def new_secret(self) -> Secret: ...

    def key_of(self, secret: Secret) -> bytes: ...

    def verify(
        self,
        headers: Headers,
        body: bytes,
        keys: Sequence[bytes],
        now: datetime,
        window: timedelta,
    ) -> Verdict: ...

    def sign(self, key: bytes, body: bytes, now: datetime, message_id: str) -> dict[str, str]: ...

    def id_in(self, payload: Any) -> str: ...


DIALECTS: Mapping[str, Dialect] = cast(
    "Mapping[str, Dialect]",
    {"standard": standard, "hex": plain, "github": github, "stripe": stripe},
)


def sign(
    dialect: str, secret: Secret, body: bytes, now: datetime, message_id: str
) -> dict[str, str]:
    """Return the headers that a sender of `dialect` gives `body`."""
    chosen = DIALECTS[dialect]
    return chosen.sign(chosen.key_of(secret), body, now, message_id)
