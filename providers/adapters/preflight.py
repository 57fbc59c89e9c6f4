"""What can be told of a provider's settings before any SDK sees them, in words that name them.

An SDK would find the same faults in the middle of a call, where nobody can tell whether the request
was sent, and so whether it will be billed.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from core.secrets.secret import Secret
from providers.protocol import Misconfigured


def check_address(address: str, *, named: str) -> None:
    """Raise `Misconfigured` unless `address`, the value of `named`, can be sent a request.

    The sentence does not repeat the address: it may hold a password.
    """
    fault = _fault_of(address)
    if fault:
        raise Misconfigured(
            f"{named} {fault}; give an address such as https://llm.example.org:8443/v1."
        )


def check_key(key: Secret, *, named: str) -> None:
    """Raise `Misconfigured` unless `key`, found at `named`, can be written into a header."""
    text = key.reveal()
    if not (text.isascii() and text.isprintable()):
        raise Misconfigured(
            f"The key at {named} has a character that no key has (one that is not printable ASCII);"
            " copy it anew."
        )


def _fault_of(address: str) -> str:
    if not address:
        return "is empty"
    if not address.isprintable() or " " in address:
        return "has a space or an unprintable character in it"
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return "is not an address"
    if parts.scheme not in ("http", "https"):
        return "does not begin with http:// or https://"
    if not host:
        return "names no host"
    try:
        is_port = parts.port != 0
    except ValueError:  # no number, or too large
        is_port = False
    return "" if is_port else "has a port that is not a number from 1 to 65535"
